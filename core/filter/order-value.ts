/**
 * The values by which `order_by` orders points: numbers, exact, and times, which are microseconds since 1970 as in Qdrant
 * (https://qdrant.tech/documentation/concepts/points/#order-points-by-payload-key). A text is a time if it is in one of the
 * forms of `datetime.ts`; any other value has no place in the order.
 */
import { exactParse } from '../json/exact-json.ts'
import { parseDatetime } from './datetime.ts'

/** Integers are exact: bigints if a float64 cannot hold them. */
export type OrderValue = number | bigint

export type Direction = 'asc' | 'desc'

const NANOS_PER_MICRO = 1000n

export function orderValueOf(value: unknown): OrderValue | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  if (typeof value !== 'string') return undefined
  const nanos = parseDatetime(value)
  if (nanos === undefined) return undefined
  const micros = (nanos - (((nanos % NANOS_PER_MICRO) + NANOS_PER_MICRO) % NANOS_PER_MICRO)) / NANOS_PER_MICRO
  const number = Number(micros)
  return Number.isSafeInteger(number) ? number : micros
}

/** JavaScript compares numbers with bigints exactly. */
export function compareOrderValues(a: OrderValue, b: OrderValue): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** As JSON text: the form in which a value travels and is shown. */
export function orderValueText(value: OrderValue): string {
  return String(value)
}

/** @param text made by `orderValueText`: it is trusted */
export function parseOrderValue(text: string): OrderValue {
  return exactParse(text) as OrderValue
}
