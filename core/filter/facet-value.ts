/**
 * The values that a facet counts: booleans, integers and texts, as in Qdrant
 * (https://qdrant.tech/documentation/concepts/payload/#facet-counts). A text that is a UUID is counted with dashes and in lower
 * case, in whatever form it is stored; other values are not counted.
 */
import { compareUtf8, uuidText } from '../ids.ts'

/** Integers are exact: bigints if a float64 cannot hold them. */
export type FacetValue = boolean | number | bigint | string

export function facetValueOf(value: unknown): FacetValue | undefined {
  if (typeof value === 'string') return uuidText(value) ?? value
  if (typeof value === 'boolean' || typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isInteger(value)) return value
  return undefined
}

/** The value as JSON text, which is the same for equal values alone. */
export function facetText(value: FacetValue): string {
  if (typeof value === 'string') return JSON.stringify(value)
  // Whole numbers beyond 2^53 that came as floats are no other values than the same integers.
  return typeof value === 'number' && !Number.isSafeInteger(value) ? String(BigInt(value)) : String(value)
}

/** The order of equal counts: booleans, integers, texts bytewise. */
export function compareFacetValues(a: FacetValue, b: FacetValue): number {
  const [kindA, kindB] = [kindOf(a), kindOf(b)]
  if (kindA !== kindB) return kindA - kindB
  if (typeof a === 'string' && typeof b === 'string') return compareUtf8(a, b)
  return a < b ? -1 : a > b ? 1 : 0
}

function kindOf(value: FacetValue): number {
  return typeof value === 'boolean' ? 0 : typeof value === 'string' ? 2 : 1
}
