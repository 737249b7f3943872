/**
 * How many pods of a VectorCluster may be taken away within an hour. Pure. The plan has its own rules; this budget is for
 * the case that one of them, or what they see of the world, is wrong: a loop then stops after a known number of pods.
 */

/** Disruptions since a time, for a part of an hour. */
export interface Disruptions {
  since: string
  count: number
}

const WINDOW_MS = 3_600_000
/** Counted in parts of the hour, so that a status stays small however many pods there are. */
const PART_MS = 600_000
/** Four rollouts of everything within an hour, a hand-over of each primary included, and some. */
const EACH_POD = 4
const BASE = 10

/** @param pods of the shards, and of Redis */
export function budgetOf(pods: number): number {
  return BASE + EACH_POD * pods
}

/** Those that count still: of parts that reach into the last hour. A part of the future, of another clock, counts too. */
export function recent(noted: readonly Disruptions[], now: number): Disruptions[] {
  return noted.filter(({ since }) => Date.parse(since) + PART_MS > now - WINDOW_MS)
}

export function total(noted: readonly Disruptions[]): number {
  return noted.reduce((sum, { count }) => sum + count, 0)
}

/** With `count` more at this time; undefined where they are more than the budget has left. */
export function spend(
  noted: readonly Disruptions[],
  count: number,
  budget: number,
  now: number,
): Disruptions[] | undefined {
  const counted = recent(noted, now)
  if (total(counted) + count > budget) return undefined
  const since = partOf(now)
  const others = counted.filter((part) => part.since !== since)
  return [...others, { since, count: count + total(counted.filter((part) => part.since === since)) }]
}

/** Takes back what turned out to have disrupted nothing. */
export function giveBack(noted: readonly Disruptions[], count: number, now: number): Disruptions[] {
  const since = partOf(now)
  return noted
    .map((part) => (part.since === since ? { since, count: Math.max(0, part.count - count) } : part))
    .filter((part) => part.count > 0)
}

/** When the oldest part stops to count. */
export function freeAt(noted: readonly Disruptions[], now: number): Date {
  const times = recent(noted, now).map(({ since }) => Date.parse(since) + PART_MS + WINDOW_MS)
  return new Date(Math.min(...times, now + WINDOW_MS + PART_MS))
}

function partOf(now: number): string {
  return new Date(Math.floor(now / PART_MS) * PART_MS).toISOString().replace(/\.\d+Z$/, 'Z')
}
