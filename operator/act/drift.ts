/**
 * Does an object have to be applied? Yes where what we declare has changed since it was applied last, or where somebody
 * changed what we declare. What the API server and others add beside it is no drift; within a value that only has a meaning
 * as a whole, such as a selector, it is: one more key selects other pods.
 */

import { sameQuantity } from '../../protocol/manifest/quantity.ts'
import type { KubeObject } from '../kube/objects.ts'
import { digest } from '../manifests/inputs.ts'
import { ANNOTATIONS } from '../resources.ts'

/** Fields whose value means something only as a whole, wherever they stand. Every list that we declare is one too. */
const WHOLE = new Set([
  'selector',
  'matchLabels',
  'podSelector',
  'namespaceSelector',
  'labelSelector',
  'nodeSelector',
  'affinity',
  'ingress',
  'data',
  'requests',
  'limits',
  'securityContext',
  'tolerations',
])

type Path = readonly (string | number)[]

/** The outermost whole value around a place: its parts have no place of their own. */
interface Whole {
  path: Path
  value: unknown
}

interface Difference {
  path: Path
  whole: Whole | undefined
}

/** The object with the digest of what it declares, without the claims of a set: they cannot be changed. */
export function stamped(desired: KubeObject): KubeObject {
  const { volumeClaimTemplates: _, ...spec } = desired.spec ?? {}
  const annotations = { ...desired.metadata.annotations, [ANNOTATIONS.applied]: digest({ ...desired, spec }) }
  return { ...desired, metadata: { ...desired.metadata, annotations } }
}

/** Why the object has to be applied; undefined where it need not. */
export function driftOf(desired: KubeObject, observed: KubeObject | undefined): string | undefined {
  if (!observed) return 'it is missing'
  if (observed.metadata.annotations?.[ANNOTATIONS.applied] !== desired.metadata.annotations?.[ANNOTATIONS.applied])
    return 'its declaration changed'
  const [first] = differences(desired, observed, { path: [], whole: undefined, exact: false })
  return first && `${textOf(first.path)} was changed by someone else`
}

/** The wholes that differ, by JSON pointer: an apply leaves in them what others have added, so they are put in place. */
export function wholesThatDiffer(desired: KubeObject, observed: KubeObject): { path: string; value: unknown }[] {
  const wholes = new Map<string, unknown>()
  for (const { whole } of differences(desired, observed, { path: [], whole: undefined, exact: false }))
    if (whole) wholes.set(pointerOf(whole.path), whole.value)
  return [...wholes].map(([path, value]) => ({ path, value }))
}

interface Place extends Difference {
  /** Keys that are not declared are differences here. */
  exact: boolean
}

function differences(desired: unknown, observed: unknown, place: Place): Difference[] {
  const { path } = place
  if (desired === undefined) return []
  if (typeof desired !== 'object' || desired === null)
    return desired === observed || sameQuantity(desired, observed) ? [] : [place]
  const named = WHOLE.has(String(path.at(-1)))
  const whole = place.whole ?? (named || Array.isArray(desired) ? { path, value: desired } : undefined)
  const exact = place.exact || named
  // The API server drops empty lists and objects.
  if (observed === undefined || observed === null) return Object.keys(desired).length === 0 ? [] : [{ path, whole }]
  if (typeof observed !== 'object' || Array.isArray(desired) !== Array.isArray(observed)) return [{ path, whole }]
  if (Array.isArray(observed) && observed.length !== (desired as unknown[]).length) return [{ path, whole }]
  const there = observed as Record<string, unknown>
  const within = (key: string): Place => ({ path: [...path, Array.isArray(desired) ? Number(key) : key], whole, exact })
  const added = exact ? Object.keys(there).filter((key) => !(key in desired)) : []
  return [
    ...added.map(within),
    ...Object.entries(desired).flatMap(([key, value]) => differences(value, there[key], within(key))),
  ]
}

function textOf(path: Path): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('')
}

function pointerOf(path: Path): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
