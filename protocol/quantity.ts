/** Kubernetes' quantities, as manifests and the API server write them. */
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

/** 1Gi is 1073741824, 500m is 0.5; NaN for what is no quantity. */
export function parseQuantity(value: unknown): number {
  const match = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(String(value))
  return Number(match?.[1] ?? Number.NaN) * (UNITS[match?.[2] ?? ''] ?? Number.NaN)
}

/** As a person would write it: 2147483648 is 2Gi. */
export function quantityText(bytes: number): string {
  const unit = ['Ti', 'Gi', 'Mi', 'Ki'].find((one) => bytes % (UNITS[one] ?? 1) === 0)
  return unit === undefined ? String(bytes) : `${bytes / (UNITS[unit] ?? 1)}${unit}`
}
