/**
 * The rows that were superseded or deleted last: at which version, and of which id, for reads at a version before. It is
 * bounded; of an older dead row nothing is kept, and no read can ask for it.
 */
import type { IdKey } from '../../core/ids.ts'

export interface DeadLimits {
  /** So many dead rows can be read at a version of theirs, if cleaning has not dropped them before. Not fewer than `young`. */
  readable: number
  /** The youngest of them, which cleaning moves along as it moves live ones: reads lag behind writes by moments. */
  young: number
  /** Of the payloads of the youngest: if they take more, fewer rows are young, but one is in any case. */
  youngPayloadBytes: number
}

export const DEAD_LIMITS: DeadLimits = { readable: 16_384, young: 2048, youngPayloadBytes: 32 * 1024 * 1024 }
/** What an entry takes: two places in maps, an object, a list. An estimate. */
const ENTRY_BYTES = 200

export interface DeadRow {
  /** Its number now; -1 once it was dropped. */
  row: number
  readonly key: IdKey
  /** The version that ended it. */
  readonly superseded: number
  /** How many rows had ended before it. */
  readonly order: number
  readonly payloadBytes: number
}

export class DeadRows {
  readonly #limits: DeadLimits
  readonly #byRow = new Map<number, DeadRow>()
  readonly #byKey = new Map<IdKey, DeadRow[]>()
  /** In the order in which they ended; those that were dropped since, too. */
  #queue: DeadRow[] = []
  /** Of the queue's first. */
  #oldest = 0
  #ended = 0
  /** The place in the queue of the oldest that is young. */
  #youngAt = 0
  #youngPayloadBytes = 0
  /** A repair may append operations that are older than others in the log; then versions are not in the order of the queue. */
  #ordered = true

  /** How many were dropped. */
  dropped = 0

  constructor(limits: DeadLimits) {
    this.#limits = limits
  }

  get bytes(): number {
    return this.#byRow.size * ENTRY_BYTES
  }

  /** How many of the youngest are here. */
  get young(): number {
    return this.#queue.length - this.#youngAt
  }

  /** Of the payloads of the youngest. */
  get youngPayloadBytes(): number {
    return this.#youngPayloadBytes
  }

  /** Returns the version below which no read may be answered for the sake of what this displaced; 0 for none. */
  add(row: number, key: IdKey, superseded: number, payloadBytes: number): number {
    const dead: DeadRow = { row, key, superseded, order: this.#ended++, payloadBytes }
    if (superseded < (this.#queue.at(-1)?.superseded ?? 0)) this.#ordered = false
    this.#queue.push(dead)
    this.#byRow.set(row, dead)
    const others = this.#byKey.get(key)
    if (others) others.push(dead)
    else this.#byKey.set(key, [dead])
    this.#youngPayloadBytes += payloadBytes
    while (this.young > 1 && this.#tooManyYoung()) this.#ageOldest()
    return this.#byRow.size > this.#limits.readable ? this.#forgetOldest() : 0
  }

  /** The version that ended a row; undefined for a row that lives, or is not kept here. */
  supersededOf(row: number): number | undefined {
    return this.#byRow.get(row)?.superseded
  }

  /** Of an id, oldest first. */
  of(key: IdKey): readonly DeadRow[] {
    return this.#byKey.get(key) ?? []
  }

  /** Those that ended after the version. */
  *after(version: number): Generator<DeadRow> {
    for (let i = this.#queue.length - 1; i >= this.#oldest; i--) {
      const dead = this.#queue[i] as DeadRow
      if (dead.superseded > version) {
        if (dead.row >= 0) yield dead
      } else if (this.#ordered) return
    }
  }

  isYoung(row: number): boolean {
    const dead = this.#byRow.get(row)
    return dead !== undefined && dead.order >= this.#ended - this.young
  }

  #tooManyYoung(): boolean {
    return this.young > this.#limits.young || this.#youngPayloadBytes > this.#limits.youngPayloadBytes
  }

  #ageOldest(): void {
    this.#youngPayloadBytes -= (this.#queue[this.#youngAt++] as DeadRow).payloadBytes
  }

  move(row: number, to: number): void {
    const dead = this.#byRow.get(row) as DeadRow
    this.#byRow.delete(row)
    dead.row = to
    this.#byRow.set(to, dead)
  }

  /** Returns the version below which no read may be answered for the sake of this row; 0 for a row that is not kept here. */
  drop(row: number): number {
    const dead = this.#byRow.get(row)
    if (!dead) return 0
    this.dropped++
    this.#byRow.delete(row)
    dead.row = -1
    const others = (this.#byKey.get(dead.key) as DeadRow[]).filter((one) => one !== dead)
    if (others.length === 0) this.#byKey.delete(dead.key)
    else this.#byKey.set(dead.key, others)
    this.#shortenQueue()
    return dead.superseded
  }

  #forgetOldest(): number {
    this.#shortenQueue()
    return this.drop((this.#queue[this.#oldest] as DeadRow).row)
  }

  /** Then the queue begins with a row that is kept, and is at most twice as long as it may have such rows. */
  #shortenQueue(): void {
    while (this.#oldest < this.#queue.length && (this.#queue[this.#oldest] as DeadRow).row < 0) this.#oldest++
    if (this.#queue.length <= 2 * this.#limits.readable) return
    const { young } = this
    this.#queue = this.#queue.filter(({ row }) => row >= 0)
    this.#oldest = 0
    this.#youngAt = this.#queue.length - young
  }
}
