/**
 * Times in payloads and in ranges. The forms are those that Qdrant reads: RFC 3339, with a blank for the `T`, without
 * an offset (then it is UTC), with an offset of hours alone, without seconds, or a date alone.
 */
const DATE = String.raw`(\d{4})-(\d{1,2})-(\d{1,2})`
const TIME = String.raw`[Tt ](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d+))? ?(Z|z|[+-]\d{2}(?::?\d{2})?)?`
const DATETIME = new RegExp(`^${DATE}(?:${TIME}| (\\d{1,2}):(\\d{1,2}))?$`)
const NANOS = 9
const NANOS_PER_MS = 1_000_000n

/** Nanoseconds since 1970-01-01T00:00:00Z; further digits are cut off. Undefined if the text names no time. */
export function parseDatetime(text: string): bigint | undefined {
  const found = DATETIME.exec(text)
  if (!found) return undefined
  const [, year, month, day, hours, minutes, seconds, fraction = '', offset, onlyHours, onlyMinutes] = found
  const date = new Date(0)
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined
  const [hour, minute, second] = [hours ?? onlyHours ?? 0, minutes ?? onlyMinutes ?? 0, seconds ?? 0].map(Number)
  // A leap second is the first of the next minute.
  if ((hour as number) > 23 || (minute as number) > 59 || (second as number) > 60) return undefined
  const east = offsetMinutes(offset)
  if (east === undefined) return undefined
  const ms = date.getTime() + (((hour as number) * 60 + (minute as number) - east) * 60 + (second as number)) * 1000
  return BigInt(ms) * NANOS_PER_MS + BigInt(fraction.slice(0, NANOS).padEnd(NANOS, '0'))
}

/** East of Greenwich. Undefined if it is a day or more. */
function offsetMinutes(offset: string | undefined): number | undefined {
  if (offset === undefined || offset === 'Z' || offset === 'z') return 0
  const [hours, minutes] = [Number(offset.slice(1, 3)), Number(offset.slice(3).replace(':', ''))]
  if (hours > 23 || minutes > 59) return undefined
  return (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes)
}
