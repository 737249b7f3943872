/**
 * What to do next so that what runs becomes what is wanted. Pure: the local supervisor gives it processes, the operator
 * pods. A second pass over the result of the first finds nothing to do.
 *
 * Its invariants are the rules U1 to U4 of supervisor/DESIGN.md.
 */
export type UnitKind = 'redis' | 'shard' | 'router'

export interface Unit {
  name: string
  kind: UnitKind
  /** Null for the router of all collections. */
  collection: string | null
  cell: number | null
  ordinal: number | null
  /** Fingerprint of everything that a running unit cannot change. */
  fingerprint: string
}

export interface ObservedUnit extends Unit {
  state: 'starting' | 'ready' | 'stopped'
  primary: boolean
  /** Ends in a row that came sooner than STABLE_MS after the start. */
  failures: number
  /** When it ended, for a stopped one; milliseconds of `now`'s clock. */
  endedAt: number
}

export type Action =
  | { type: 'start'; unit: Unit }
  | { type: 'stop'; name: string; why: 'not wanted' | 'replaced' }
  | { type: 'wait'; name: string; untilMs: number }

/** A unit that lived so long has not failed, whatever ends it. */
export const STABLE_MS = 10_000
const BACKOFF_FIRST_MS = 250
const BACKOFF_MAX_MS = 10_000

export function backoffMs(failures: number): number {
  return failures === 0 ? 0 : Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (failures - 1))
}

export function plan(wanted: readonly Unit[], observed: readonly ObservedUnit[], now: number): Action[] {
  const seen = new Map(observed.map((unit) => [unit.name, unit]))
  return [...starts(wanted, seen, now), ...removals(wanted, observed), ...replacements(wanted, seen)]
}

function starts(wanted: readonly Unit[], seen: Map<string, ObservedUnit>, now: number): Action[] {
  return wanted.flatMap((unit): Action[] => {
    const present = seen.get(unit.name)
    if (present && present.state !== 'stopped') return []
    if (unit.kind === 'shard' && !redisReady(unit, wanted, seen)) return []
    const untilMs = present ? present.endedAt + backoffMs(present.failures) : now
    return untilMs > now ? [{ type: 'wait', name: unit.name, untilMs }] : [{ type: 'start', unit }]
  })
}

/** An external Redis is no unit, and then nothing is waited for. */
function redisReady(shard: Unit, wanted: readonly Unit[], seen: Map<string, ObservedUnit>): boolean {
  return wanted
    .filter((unit) => unit.kind === 'redis' && unit.collection === shard.collection)
    .every((redis) => seen.get(redis.name)?.state === 'ready')
}

function removals(wanted: readonly Unit[], observed: readonly ObservedUnit[]): Action[] {
  const names = new Set(wanted.map((unit) => unit.name))
  return observed.flatMap((unit): Action[] => {
    if (names.has(unit.name) || unit.state === 'stopped') return []
    const cellWanted = wanted.some(
      (other) => other.kind === 'shard' && other.collection === unit.collection && other.cell === unit.cell,
    )
    const others = observed.some(
      (other) => other !== unit && names.has(other.name) && sameCell(other, unit) && other.state === 'ready',
    )
    return unit.kind === 'shard' && cellWanted && !others ? [] : [{ type: 'stop', name: unit.name, why: 'not wanted' }]
  })
}

function replacements(wanted: readonly Unit[], seen: Map<string, ObservedUnit>): Action[] {
  const collections = new Set(wanted.map((unit) => unit.collection))
  return [...collections].flatMap((collection): Action[] => {
    const ours = wanted.filter((unit) => unit.collection === collection)
    const outdated = ours.flatMap((unit) => {
      const present = seen.get(unit.name)
      return present && present.state !== 'stopped' && present.fingerprint !== unit.fingerprint ? [present] : []
    })
    const settled = ours.every((unit) => seen.get(unit.name)?.state === 'ready')
    const next = outdated.sort((a, b) => rank(a) - rank(b))[0]
    if (!next) return []
    // What is not ready takes nothing away; the only pod of a cell has no peer to wait for.
    const alone = next.kind === 'shard' && ours.filter((unit) => sameCell(unit, next)).length === 1
    return settled || alone || next.state !== 'ready' ? [{ type: 'stop', name: next.name, why: 'replaced' }] : []
  })
}

function rank(unit: ObservedUnit): number {
  if (unit.state !== 'ready') return 0
  return unit.kind === 'redis' ? 3 : unit.primary ? 2 : 1
}

function sameCell(a: Unit, b: Unit): boolean {
  return a.kind === 'shard' && b.kind === 'shard' && a.collection === b.collection && a.cell === b.cell
}
