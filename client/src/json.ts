/** JSON with 64-bit integers, where the platform can: long integer literals become bigints and go back as they are. */
interface RawJson {
  rawJSON?: (text: string) => unknown
}

const LONG_INTEGER = /(?<![\d.eE+])\d{16,}(?![\d.eE])/

export function stringify(value: unknown): string {
  const raw = (JSON as RawJson).rawJSON
  return JSON.stringify(value, (_key, part: unknown) => {
    if (part instanceof Float32Array) return Array.from(part)
    if (typeof part === 'bigint') return raw ? raw(part.toString()) : Number(part)
    return part
  })
}

export function parse(text: string): unknown {
  if (!LONG_INTEGER.test(text)) return JSON.parse(text) as unknown
  const revive = (_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? BigInt(context?.source ?? 0)
      : value
  return JSON.parse(text, revive) as unknown
}
