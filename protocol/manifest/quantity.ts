/** Kubernetes' quantities, as manifests and the API server write them: exact, and rounded up to a billionth as it does. */

const BILLIONTH = 9n
const UNITS: Record<string, [base: bigint, exponent: bigint]> = {
  n: [10n, -9n],
  u: [10n, -6n],
  m: [10n, -3n],
  '': [10n, 0n],
  k: [10n, 3n],
  M: [10n, 6n],
  G: [10n, 9n],
  T: [10n, 12n],
  P: [10n, 15n],
  E: [10n, 18n],
  Ki: [2n, 10n],
  Mi: [2n, 20n],
  Gi: [2n, 30n],
  Ti: [2n, 40n],
  Pi: [2n, 50n],
  Ei: [2n, 60n],
}

const NUMBER = String.raw`\+?(\d+(\.\d*)?|\.\d+)`
/** A power of ten has at most two digits: no amount of anything needs more. */
const POWER = String.raw`[eE][+-]?\d{1,2}`
/** What a container may ask for: no sign but plus. The API server holds strings to it, see tools/crd.ts. */
export const QUANTITY_PATTERN = `^${NUMBER}(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|${POWER})?$`
/** The size of a volume: the same without parts of a byte as a unit. */
export const SIZE_PATTERN = `^${NUMBER}(k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|${POWER})?$`
/** Kubernetes counts in 63 bits and takes what is more for the most; no volume comes near. */
export const SIZE_MAX = '1Ei'

const PARTS = /^\+?(\d*)(?:\.(\d*))?(?:([eE][+-]?\d{1,2})|([a-zA-Z]*))$/

/** In billionths, rounded up; undefined for what is no quantity. */
function billionths(value: unknown): bigint | undefined {
  const match = PARTS.exec(String(value))
  const [, whole = '', fraction = '', power, unit = ''] = match ?? []
  const [base, exponent] = (power === undefined ? UNITS[unit] : ([10n, BigInt(Number(power.slice(1)))] as const)) ?? []
  if (`${whole}${fraction}` === '' || base === undefined || exponent === undefined) return undefined
  let above = BigInt(`${whole}${fraction}`) * 10n ** BILLIONTH
  let below = 10n ** BigInt(fraction.length)
  if (exponent < 0n) below *= base ** -exponent
  else above *= base ** exponent
  return (above + below - 1n) / below
}

/** 1Gi is 1073741824, 500m is 0.5; NaN for what is no quantity. */
export function parseQuantity(value: unknown): number {
  const all = billionths(value)
  if (all === undefined) return Number.NaN
  const one = 10n ** BILLIONTH
  return Number(all / one) + Number(all % one) / Number(one)
}

/** 1.5Gi and 1536Mi are the same. */
export function sameQuantity(a: unknown, b: unknown): boolean {
  const [x, y] = [billionths(a), billionths(b)]
  return x !== undefined && x === y
}

/** Bytes of a volume: a part of a byte counts as one. */
export function sizeBytes(value: unknown): number {
  return Math.ceil(parseQuantity(value))
}

/** As a person would write it: 2147483648 is 2Gi. */
export function quantityText(bytes: number): string {
  const unit = ['Ei', 'Pi', 'Ti', 'Gi', 'Mi', 'Ki'].find((one) => bytes % parseQuantity(`1${one}`) === 0)
  return unit === undefined || bytes === 0 ? String(bytes) : `${bytes / parseQuantity(`1${unit}`)}${unit}`
}
