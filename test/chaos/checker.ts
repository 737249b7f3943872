/**
 * Judges a history id by id, by the versions that the answers to writes named: the system has stated an order, and every
 * answer must agree with it. Linear but for sorting (the idea of checking a stated order: Lowe, "Testing for
 * linearizability", and fast-jepsen's "Testing shared memories").
 */
import type { AgainEntry, Entry, Level, ReadEntry, WriteEntry } from './history.ts'

export type Fault = 'lost' | 'resurrected' | 'invented' | 'stale' | 'misordered' | 'refused but done' | 'repeated'

export interface Violation {
  fault: Fault
  id: number
  what: string
}

export function check(entries: readonly Entry[]): Violation[] {
  const byId = new Map<number, Entry[]>()
  for (const entry of entries) {
    const list = byId.get(entry.id)
    if (list) list.push(entry)
    else byId.set(entry.id, [entry])
  }
  return [...byId].flatMap(([id, list]) => new OneId(id, list).violations)
}

/** Writes of one id in the order of their versions, and what reads say of them. */
class OneId {
  readonly violations: Violation[] = []
  readonly #id: number
  readonly #byValue = new Map<number, WriteEntry>()
  readonly #deletes: WriteEntry[] = []

  constructor(id: number, entries: readonly Entry[]) {
    this.#id = id
    const writes = entries.filter((entry) => entry.kind === 'write')
    for (const write of writes)
      if (write.value === undefined) this.#deletes.push(write)
      else this.#byValue.set(write.value, write)
    const acknowledged = writes.flatMap((write) => (write.version === undefined ? [] : [{ ret: write.ret, write }]))
    this.#checkVersions(writes, new Floor(acknowledged))
    for (const entry of entries) if (entry.kind === 'again') this.#checkAgain(entry)
    const reads = entries.filter((entry) => entry.kind === 'read')
    const floor = new Floor(acknowledged)
    const strongFloor = new Floor([...acknowledged, ...this.#seenBy(reads, 'strong', floor)])
    const sessions = new Map<number, Floor>()
    const session = (client: number) => {
      const own = acknowledged.filter(({ write }) => write.client === client)
      const mine = reads.filter((read) => read.client === client)
      return new Floor([...own, ...this.#seenBy(mine, 'session', new Floor(own))])
    }
    for (const { level, client } of reads)
      if (level === 'session' && !sessions.has(client)) sessions.set(client, session(client))
    const none = new Floor([])
    const floorOf = ({ level, client }: ReadEntry) =>
      ({ strong: strongFloor, acknowledged: floor, session: sessions.get(client) ?? none, eventual: none })[level]
    for (const read of reads) this.#checkRead(read, floorOf(read))
  }

  /** What reads of a level prove: the write that they saw, or the earliest delete that can have hidden everything. */
  #seenBy(reads: readonly ReadEntry[], level: Level, floor: Floor): Evidence[] {
    return reads.flatMap((read) => {
      if (read.level !== level) return []
      const deletes = read.value === undefined ? this.#explaining(read, floor.at(read.call)) : []
      const write =
        read.value !== undefined
          ? this.#byValue.get(read.value)
          : deletes.reduce<WriteEntry | undefined>(
              (first, one) => (first && (first.version ?? 0) <= (one.version ?? 0) ? first : one),
              undefined,
            )
      return write?.version === undefined ? [] : [{ ret: read.ret, write }]
    })
  }

  #found(fault: Fault, what: string): void {
    this.violations.push({ fault, id: this.#id, what })
  }

  #checkAgain({ first, version, value }: AgainEntry): void {
    if (first !== version)
      this.#found('repeated', `the write of ${value ?? 'absent'} was acknowledged as ${first}, and again as ${version}`)
  }

  /** A write that began after another was acknowledged has the higher version; no two share one. */
  #checkVersions(writes: readonly WriteEntry[], floor: Floor): void {
    const seen = new Set<number>()
    for (const write of writes) {
      if (write.version === undefined) continue
      if (seen.has(write.version)) this.#found('misordered', `version ${write.version} was given to two writes`)
      seen.add(write.version)
      const before = floor.at(write.call)
      if (before && (before.version as number) > write.version)
        this.#found('misordered', `${text(write)} began after ${text(before)} was acknowledged`)
    }
  }

  #checkRead(read: ReadEntry, floor: Floor): void {
    const before = floor.at(read.call)
    if (read.value === undefined) return this.#checkAbsent(read, before)
    const write = this.#byValue.get(read.value)
    if (!write || write.call > read.ret) return this.#found('invented', `${text(read)}, which nobody had written`)
    if (write.outcome === 'refused') return this.#found('refused but done', `${text(read)}, a write that was refused`)
    if (before && write.version !== undefined && write.version < (before.version as number)) {
      const fault = before.value === undefined ? 'resurrected' : 'stale'
      this.#found(fault, `${text(read)} after ${text(before)}`)
    }
  }

  /** Nothing was found: a delete explains it that is newer than every write that had been seen. */
  #checkAbsent(read: ReadEntry, before: WriteEntry | undefined): void {
    if (!before || before.value === undefined) return
    // Without one state of all cells a read at the very moment of an overwrite may miss the point: so it is documented.
    if (read.level === 'acknowledged' && this.#overwrittenDuring(read)) return
    if (this.#explaining(read, before).length === 0)
      this.#found('lost', `nothing was found by ${text(read)} after ${text(before)}`)
  }

  #overwrittenDuring(read: ReadEntry): boolean {
    return [...this.#byValue.values()].some(
      ({ call, ret, outcome }) => outcome !== 'refused' && call <= read.ret && ret >= read.call,
    )
  }

  #explaining(read: ReadEntry, before: WriteEntry | undefined): WriteEntry[] {
    return this.#deletes.filter((one) => {
      if (one.call > read.ret || one.outcome === 'refused') return false
      // Without a version it is of unknown outcome, or it found nothing after something else had removed the point.
      if (one.version === undefined) return before === undefined || one.outcome === 'unknown' || one.ret >= before.call
      return before === undefined || one.version >= (before.version as number)
    })
  }
}

interface Evidence {
  ret: number
  write: WriteEntry
}

/** The write of the highest version that is proven to have taken effect before a time. */
class Floor {
  readonly #ends: number[] = []
  readonly #highest: WriteEntry[] = []

  constructor(evidence: readonly Evidence[]) {
    for (const { ret, write } of evidence.toSorted((a, b) => a.ret - b.ret)) {
      const last = this.#highest.at(-1)
      this.#ends.push(ret)
      this.#highest.push(last && (last.version as number) > (write.version as number) ? last : write)
    }
  }

  at(time: number): WriteEntry | undefined {
    let [low, high] = [0, this.#ends.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#ends[middle] as number) < time) low = middle + 1
      else high = middle
    }
    return this.#highest[low - 1]
  }
}

function text(entry: ReadEntry | WriteEntry): string {
  const at = `client ${entry.client}, ${(entry.call / 1e6).toFixed(3)} to ${(entry.ret / 1e6).toFixed(3)} s`
  const value = entry.value ?? 'absent'
  return entry.kind === 'read'
    ? `a ${entry.level} read of ${value} (${at})`
    : `${entry.value === undefined ? 'a delete' : `the write of ${value}`} at version ${entry.version} (${at})`
}
