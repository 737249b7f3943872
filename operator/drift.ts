/**
 * Does an object have to be applied? Yes where what we declare has changed since it was applied last, or where somebody
 * changed a field that we declare. What the API server and others add is no drift.
 */

import { parseQuantity } from '../protocol/quantity.ts'
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

/** The API server writes quantities in its own way: 1024Mi comes back as 1Gi. */
function sameQuantity(a: unknown, b: unknown): boolean {
  const [x, y] = [parseQuantity(a), parseQuantity(b)]
  return x === y || Math.abs(x - y) < 1e-9 * Math.abs(x)
}
