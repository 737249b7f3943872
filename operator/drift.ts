/**
 * Does an object have to be applied? Yes where what we declare has changed since it was applied last, or where somebody
 * changed a field that we declare. What the API server and others add is no drift.
 */

import { digest } from './build/context.ts'
import type { KubeObject } from './kube/objects.ts'
import { ANNOTATIONS } from './resources.ts'

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
  const path = firstDifference(desired, observed, '')
  return path === undefined ? undefined : `${path} was changed by someone else`
}

function firstDifference(desired: unknown, observed: unknown, path: string): string | undefined {
  if (desired === undefined) return undefined
  if (Array.isArray(desired)) {
    if (!Array.isArray(observed) || observed.length !== desired.length)
      return isEmpty(desired, observed) ? undefined : path
    return first(desired.map((item, i) => firstDifference(item, observed[i], `${path}[${i}]`)))
  }
  if (typeof desired === 'object' && desired !== null) {
    if (typeof observed !== 'object' || observed === null) return isEmpty(desired, observed) ? undefined : path
    return first(
      Object.entries(desired).map(([name, value]) =>
        firstDifference(value, (observed as Record<string, unknown>)[name], path === '' ? name : `${path}.${name}`),
      ),
    )
  }
  return desired === observed || sameQuantity(desired, observed) ? undefined : path
}

function first(paths: (string | undefined)[]): string | undefined {
  return paths.find((path) => path !== undefined)
}

/** The API server drops empty lists and objects. */
function isEmpty(desired: object, observed: unknown): boolean {
  return (observed === undefined || observed === null) && Object.keys(desired).length === 0
}

const UNITS: Record<string, number> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
  Pi: 1024 ** 5,
}

/** The API server writes quantities in its own way: 1024Mi comes back as 1Gi. */
export function parseQuantity(value: unknown): number {
  const match = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(String(value))
  return Number(match?.[1] ?? Number.NaN) * (UNITS[match?.[2] ?? ''] ?? Number.NaN)
}

/** As a person would write it: 2147483648 is 2Gi. */
export function quantityText(bytes: number): string {
  const unit = ['Ti', 'Gi', 'Mi', 'Ki'].find((one) => bytes % (UNITS[one] ?? 1) === 0)
  return unit === undefined ? String(bytes) : `${bytes / (UNITS[unit] ?? 1)}${unit}`
}

function sameQuantity(a: unknown, b: unknown): boolean {
  const [x, y] = [parseQuantity(a), parseQuantity(b)]
  return x === y || Math.abs(x - y) < 1e-9 * Math.abs(x)
}
