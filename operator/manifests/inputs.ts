/** What a pod was made from, by digests: they show later which of its parts are out of date. */
import { createHash } from 'node:crypto'
import type { KubeObject } from '../kube/objects.ts'
import { ANNOTATIONS } from '../resources.ts'

export function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12)
}

/** Each part's digest, as the annotation that shows later which parts of a pod are out of date. */
export function inputsAnnotation(parts: Record<string, unknown>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(parts).map(([part, value]) => [part, digest(value ?? null)])))
}

/** Parts in which a pod differs from what its set would make now. */
export function outdatedParts(pod: KubeObject, wanted: string): string[] {
  const has = pod.metadata.annotations?.[ANNOTATIONS.inputs]
  if (has === wanted) return []
  const parse = (text: string | undefined): Record<string, string> => {
    try {
      return JSON.parse(text ?? '{}') as Record<string, string>
    } catch {
      return {}
    }
  }
  const before = parse(has)
  return Object.entries(parse(wanted))
    .filter(([part, value]) => before[part] !== value)
    .map(([part]) => part)
}
