/**
 * What the simulated clients sent, what they were told, and what they may therefore expect to find. Each write of the
 * simulation has content of its own.
 */
import type { IdKey } from '../../core/ids.ts'
import { type Operation, parseCommitReply } from '../../store/cell-log.ts'

interface Write {
  key: IdKey
  payload: string | undefined
  /** User version; undefined as long as nobody knows it. */
  version: number | undefined
  heads: [cell: number, seq: number][]
  history: number
  acknowledged: boolean
}

export class Violation extends Error {}

export class Ledger {
  readonly #mutant: (name: string) => boolean
  readonly #writes: Write[] = []
  readonly #sending = new Map<Operation, Write>()
  /** Contents of requests with idempotency keys. */
  readonly #requests = new Set<string>()
  readonly #versions = new Map<string, Set<number>>()
  /** Contents that edits made, with those of which they made them. */
  readonly #edits = new Map<string, string>()
  /** Losses were accepted; what is gone may be executed again. */
  forgiving = false

  /** @param mutant is the protocol without this rule? */
  constructor(mutant: (name: string) => boolean) {
    this.#mutant = mutant
  }

  sent(operation: Operation, payload: string | undefined): void {
    const { key } = operation
    const write: Write = { key, payload, version: undefined, heads: [], history: 0, acknowledged: false }
    this.#writes.push(write)
    this.#sending.set(operation, write)
    if (operation.idempotency && payload !== undefined) this.#requests.add(payload)
  }

  /** The same request under its idempotency key, as another operation. */
  sentAgain(operation: Operation, first: Operation): void {
    const write = this.#sending.get(first)
    if (write) this.#sending.set(operation, write)
  }

  committed(operation: Operation, text: string): void {
    const write = this.#sending.get(operation)
    const { results, heads, timeline: history } = parseCommitReply(text)
    const [result] = results
    if (write && result?.outcome === 'conflict') this.#refused(write)
    if (!write || result?.outcome !== 'applied') return
    if (write.acknowledged && !this.forgiving && write.version !== undefined && write.version !== result.version)
      throw new Violation(
        `a request that was acknowledged as ${write.version} was executed again, as ${result.version}`,
      )
    write.version = result.version
    write.history = history
    write.heads = Object.entries(heads).map(([cell, seq]) => [Number(cell), seq])
    if (this.#mutant('acknowledge before the primaries have applied')) write.acknowledged = true
  }

  /** A request that is sent again may find that a repair has undone it, and that its condition does not hold any more. */
  #refused(write: Write): void {
    if (write.acknowledged && write.version !== undefined && !this.forgiving)
      throw new Violation(`a request that was acknowledged as ${write.version} was refused when it was sent again`)
    write.version = undefined
  }

  /** An edit makes one content of another. */
  edits(base: string, content: string): void {
    this.#edits.set(content, base)
  }

  /** An edit is applied to a row. */
  observeEdit(content: string, base: string | undefined): void {
    const of = this.#edits.get(content)
    if (base === undefined) throw new Violation(`${content}, an edit of ${of}, finds no row`)
    if (of !== base) throw new Violation(`${content}, an edit of ${of}, was made of ${base}: a write is lost`)
  }

  acknowledgeNow(operation: Operation): void {
    const write = this.#sending.get(operation)
    if (write) write.acknowledged = true
  }

  /** Contents of requests with idempotency keys, with the versions that were answered. */
  requested(): [content: string, version: number | undefined][] {
    return this.#writes
      .filter(({ payload }) => payload !== undefined && this.#requests.has(payload))
      .map(({ payload, version }) => [payload as string, version])
  }

  /** @param applied has the primary of the cell applied the log up to there, in that history? */
  acknowledge(applied: (cell: number, seq: number, history: number) => boolean): void {
    for (const write of this.#writes) {
      if (write.acknowledged || write.version === undefined) continue
      write.acknowledged = write.heads.every(([cell, seq]) => applied(cell, seq, write.history))
    }
  }

  /** Writes that were acknowledged until now, with their versions. */
  acknowledged(): Write[] {
    return this.#writes.filter(({ acknowledged, version }) => acknowledged && version !== undefined)
  }

  /** A row was seen in a log. That of a request may be executed again where a repair has undone it. */
  observe(payload: string, userVersion: number): void {
    if (this.#requests.has(payload)) return
    const versions = this.#versions.get(payload) ?? new Set()
    this.#versions.set(payload, versions.add(userVersion))
    if (versions.size > 1) throw new Violation(`${payload} was executed twice, as ${[...versions].join(' and ')}`)
  }

  /** @param found the user version that was found; undefined for nothing */
  expectSeen(key: IdKey, acknowledged: readonly Write[], found: number | undefined, who: string): void {
    const last = acknowledged.reduce((max, write) => (write.key === key ? Math.max(max, write.version ?? 0) : max), 0)
    if (last === 0 || (found !== undefined && found >= last)) return
    const deletes = this.#writes.filter((write) => write.key === key && write.payload === undefined)
    // A delete whose outcome nobody was told may have been executed, before or after.
    if (found === undefined && deletes.some(({ version }) => version === undefined || version >= last)) return
    throw new Violation(`${who} finds ${found ?? 'nothing'} of ${key}, of which version ${last} was acknowledged`)
  }

  /** Acknowledged without anybody knowing a version: the last write of all to an id must be there. */
  expectUnnumbered(key: IdKey, content: string | undefined): void {
    const last = this.#writes.findLast((write) => write.key === key)
    if (last?.acknowledged && last.version === undefined && last.payload !== content)
      throw new Violation(`the last write to ${key}, ${last.payload ?? 'a delete'}, was acknowledged, and is not there`)
  }
}
