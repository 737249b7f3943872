/**
 * One simulated collection: pods, a Redis that can lose what it holds, a clock, and a scheduler that draws every next step
 * from a seed. What all primaries concerned had applied was acknowledged; at the end everything heals, and whatever was
 * acknowledged must be there, once, where the directory says.
 */
import { hashKey, type IdKey, idKey } from '../../core/ids.ts'
import { comparePositions, formatPosition, parsePosition } from '../../core/position.ts'
import { type Random, seededRandom } from '../../core/random.ts'
import { type Departure, type DirectoryValue, judge, type RowFact } from '../../core/repair.ts'
import { encodeRow } from '../../core/row-codec.ts'
import { allCellKeys, DIRECTORY_BUCKETS, keysOf } from '../../protocol/keys.ts'
import { facts, heldRows } from '../../shard-server/index/repair-calls.ts'
import type { StoredRow } from '../../shard-server/index/row-store.ts'
import { type Operation, parseCommitReply } from '../../store/cell-log.ts'
import type { Redis } from '../../store/connection.ts'
import { type ChosenCopy, parsePlan, RepairLog } from '../../store/repair-log.ts'
import { acceptLoss, readCut } from '../../store/topology.ts'
import { SimPod } from './pod.ts'
import { SimRedis } from './sim-redis.ts'

/** Mutants of the simulated pods, by name; those of the scripts are given as their sources. */
export interface Mutation {
  flags?: ReadonlySet<string>
  scripts?: Readonly<Record<string, string>>
}

interface Write {
  key: IdKey
  payload: string | undefined
  /** Position in the order of the simulation in which it was sent. */
  sent: number
  /** User version; undefined as long as nobody knows it. */
  version: number | undefined
  heads: [cell: number, seq: number][]
  history: number
  acknowledged: boolean
}

const SCOPE = { namespace: 'sim', name: 'c' }
/** Ids of few buckets, so that a repair writes few of them anew. */
const BUCKETS = 64
const IDS = Array.from({ length: 2000 }, (_, id) => idKey(id))
  .filter((key) => hashKey(key) % DIRECTORY_BUCKETS < BUCKETS)
  .slice(0, 4)
const VECTOR = Float32Array.of(1, 2)
const HEAL_ROUNDS = 120

export class Violation extends Error {}

export class World {
  readonly cells = 2
  readonly replicas = 2
  readonly random: Random
  readonly redis: SimRedis
  readonly client: Redis
  readonly pods: SimPod[]
  readonly #flags: ReadonlySet<string>
  readonly #writes: Write[] = []
  readonly #versions = new Map<string, Set<number>>()
  #late: (() => Promise<unknown>)[] = []
  #older: ReturnType<SimRedis['copy']> | undefined
  #numbers = 0
  #fragile: number | undefined
  /** A person was asked; from then on nothing is promised about what is gone. */
  asked = false

  constructor(seed: number, mutation: Mutation = {}) {
    this.random = seededRandom(seed)
    this.redis = new SimRedis(mutation.scripts)
    this.client = this.redis.client
    this.#flags = mutation.flags ?? new Set()
    this.pods = Array.from(
      { length: this.cells * this.replicas },
      (_, i) => new SimPod(this, i % this.cells, Math.floor(i / this.cells)),
    )
  }

  number(): number {
    return ++this.#numbers
  }

  chance(share: number): boolean {
    return this.random() < share
  }

  mutant(name: string): boolean {
    return this.#flags.has(name)
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.random() * from.length)] as T
  }

  async run(steps: number): Promise<void> {
    for (const pod of this.pods) pod.start()
    await this.#settle(3)
    for (let i = 0; i < steps; i++) {
      this.redis.now += Math.floor(this.random() * 60)
      await this.#step()
    }
    await this.#heal()
    await this.#check()
  }

  async #step(): Promise<void> {
    const pod = this.#pick(this.pods)
    const r = this.random()
    if (r < 0.3) await pod.tick()
    else if (r < 0.36) await pod.elect()
    else if (r < 0.38) await pod.renew()
    else if (r < 0.64) await this.#write()
    else if (r < 0.7) await pod.resolve()
    else if (r < 0.76) await pod.walk()
    else if (r < 0.79) await this.#deliver()
    else if (r < 0.83) await this.#strongRead()
    else if (r < 0.86) {
      if (pod.phase === 'following') pod.snapshot()
    } else if (r < 0.88) await pod.trim()
    else if (r < 0.91) this.redis.now += 3000
    else await this.#fault(pod)
  }

  async #fault(pod: SimPod): Promise<void> {
    const r = this.random()
    const peers = this.pods.filter(({ cell }) => cell === pod.cell)
    if (r < 0.2) {
      pod.kill()
      pod.start()
    } else if (r < 0.28) pod.kill()
    else if (r < 0.36) {
      for (const one of this.pods) if (one.phase === 'down') one.start()
    } else if (r < 0.42) {
      // All pods of a cell; what they hold then is what their volumes have and the log.
      for (const one of peers) one.kill()
      for (const one of peers) one.start()
    } else if (r < 0.5) this.redis.restart()
    else if (r < 0.64) this.#older = this.redis.copy()
    else if (r < 0.8) {
      if (this.#older && !(await this.#isFragile())) this.redis.restore(this.#older)
    } else if (r < 0.84) {
      if (!(await this.#isFragile())) this.redis.flush()
    } else if (r < 0.9) this.redis.delete(keysOf(SCOPE.namespace, SCOPE.name).log(pod.cell))
    else if (peers.every(({ phase }) => phase === 'following')) {
      // A volume goes, which the other pod of its cell must make good, and that one starts again.
      this.#fragile = pod.cell
      pod.kill()
      pod.volume = { snapshots: [], mark: undefined }
      for (const one of peers) one.kill()
      for (const one of peers) one.start()
    }
  }

  /**
   * A cell whose pods have not caught up since one of them lost its volume: Redis is what is left of it, and losing that, too,
   * may lose entries of which nobody knows. That much is not promised.
   */
  async #isFragile(): Promise<boolean> {
    if (this.#fragile === undefined) return false
    const head = await this.client.hget(keysOf(SCOPE.namespace, SCOPE.name).cell(this.#fragile), 'head')
    const pods = this.pods.filter(({ cell }) => cell === this.#fragile)
    if (pods.every(({ fold }) => formatPosition(fold.point.position) === head)) this.#fragile = undefined
    return this.#fragile !== undefined
  }

  async #write(): Promise<void> {
    const leaders = this.pods.filter(({ primary, phase }) => primary && phase === 'following')
    const pod = this.#pick(leaders)
    if (!pod) return
    const key = this.#pick(IDS)
    const deletes = this.chance(0.25)
    const payload = deletes ? undefined : JSON.stringify(this.number())
    const operation: Operation = deletes
      ? { type: 'D', key, expect: '' }
      : {
          type: 'U',
          key,
          owner: pod.cell,
          copy: this.chance(0.3) ? (pod.cell + 1) % this.cells : null,
          expect: '',
          centroidVersion: 0,
          row: encodeRow({ vector: VECTOR, payload: payload as string }),
        }
    const sent = this.number()
    this.#writes.push({ key, payload, sent, version: undefined, heads: [], history: 0, acknowledged: false })
    this.#sending.set(operation, this.#writes.length - 1)
    await pod.commit(operation, this.chance(0.7) ? 'answered' : this.chance(0.5) ? 'reply lost' : 'late')
  }

  readonly #sending = new Map<Operation, number>()

  committed(operation: Operation, text: string): void {
    const write = this.#writes[this.#sending.get(operation) ?? -1]
    const { results, heads, history } = parseCommitReply(text)
    const [result] = results
    if (!write || result?.outcome !== 'applied') return
    write.version = result.version
    write.history = history
    write.heads = Object.entries(heads).map(([cell, seq]) => [Number(cell), seq])
    if (this.mutant('acknowledge before the primaries have applied')) write.acknowledged = true
  }

  acknowledgeNow(operation: Operation): void {
    const write = this.#writes[this.#sending.get(operation) ?? -1]
    if (write) write.acknowledged = true
  }

  /** Whatever the primaries of all its cells have applied is acknowledged, as the router would do it. */
  acknowledge(): void {
    for (const write of this.#writes) {
      if (write.acknowledged || write.version === undefined) continue
      write.acknowledged = write.heads.every(([cell, seq]) =>
        this.pods.some(
          (pod) =>
            pod.cell === cell &&
            pod.primary &&
            pod.phase === 'following' &&
            (pod.history === write.history || this.mutant('positions without a history')) &&
            pod.fold.point.position.seq >= seq,
        ),
      )
    }
  }

  late(call: () => Promise<unknown>): void {
    this.#late.push(call)
  }

  async #deliver(): Promise<void> {
    const call = this.#late.shift()
    if (call) await call()
  }

  observe(payload: string, userVersion: number): void {
    const versions = this.#versions.get(payload) ?? new Set()
    this.#versions.set(payload, versions.add(userVersion))
    if (versions.size > 1) throw new Violation(`${payload} was executed twice, as ${[...versions].join(' and ')}`)
  }

  async move(pod: SimPod, row: StoredRow): Promise<void> {
    const owner = (pod.cell + 1) % this.cells
    const expect = `o${row.born}`
    const bytes = encodeRow(row)
    await pod.commit({ type: 'M', key: row.key, owner, copy: null, expect, centroidVersion: 0, row: bytes }, 'answered')
  }

  /** Has the primary of every other cell what was in the log when this was asked? */
  served(key: IdKey, born: number): boolean {
    return this.pods.some(
      ({ primary, phase, fold }) =>
        primary && phase === 'following' && fold.live.get(key)?.flag === 'o' && fold.live.get(key)?.born === born,
    )
  }

  told(why: string): void {
    if (!why.includes('nobody holds')) return
    for (const [, cell, known] of why.matchAll(/cell (\d+): nobody holds .*? up to (\d+-\d+)/g)) {
      const holder = this.pods.find(
        (pod) =>
          pod.cell === Number(cell) &&
          pod.phase === 'claiming' &&
          comparePositions(pod.fold.point.position, parsePosition(known as string)) >= 0,
      )
      if (holder) throw new Violation(`a person was asked for what ${holder.name} holds: ${why}`)
    }
    this.asked = true
    void acceptLoss(this.client, { ...SCOPE, clusters: this.cells })
  }

  async *repairBy(token: string, reply: string[]): AsyncGenerator<void> {
    const copies = parsePlan(reply)
    const repair = new RepairLog(this.client, { ...SCOPE, clusters: this.cells }, token)
    const chosen = copies.map((copy) => copy && this.#chosen(copy))
    for (const pod of chosen) pod?.snapshot()
    const known = chosen.map((pod) => pod?.fold.version ?? 0)
    yield
    const rebased = await repair.rebase(copies, Math.max(...known), { version: 0, bytes: new Uint8Array(0) })
    yield
    for (const cell of rebased) this.#secure(chosen[cell])
    yield
    for (const copy of copies) if (copy) this.#chosen(copy)
    const values = await this.#mend(repair, chosen, known)
    yield
    await repair.relist(0, BUCKETS, values)
    yield
    const doubled = [...values.values()].filter(({ copy }) => copy !== null).length
    await repair.reopen(values.size, doubled, '{}')
  }

  #chosen(copy: ChosenCopy): SimPod {
    const pod = this.pods.find(({ name }) => name === copy.pod) as SimPod
    const { position, hash } = pod.fold.point
    if (
      pod.phase !== 'claiming' ||
      formatPosition(position) !== formatPosition(copy.point.position) ||
      hash !== copy.point.hash
    )
      throw new Error(`${pod.name} does not hold what was chosen`)
    return pod
  }

  #secure(chosen: SimPod | undefined): void {
    const other = this.pods.find((pod) => pod !== chosen && pod.cell === chosen?.cell && pod.phase === 'claiming')
    if (!chosen || !other) return
    if (comparePositions(other.fold.point.position, chosen.fold.point.position) < 0)
      other.bootstrap(chosen.fold.point.position)
    if (other.fold.point.hash === chosen.fold.point.hash) other.snapshot()
  }

  async #mend(repair: RepairLog, chosen: readonly (SimPod | undefined)[], known: readonly number[]) {
    const told = chosen.map((pod) => pod && facts(pod.fold, 0, BUCKETS))
    const values = new Map<IdKey, DirectoryValue>()
    for (const key of IDS) {
      const rows = told.flatMap((one, cell) =>
        (one?.rows ?? [])
          .filter(([id]) => id === key)
          .map(([, flag, version, userVersion]): RowFact => ({ cell, flag, version, userVersion })),
      )
      const departures = told.flatMap((one, cell) =>
        (one?.departures ?? [])
          .filter(([id]) => id === key)
          .map(([, version, target, since, row]): Departure => {
            return { cell, version, target, since, row: row ? { version: row[0], userVersion: row[1] } : undefined }
          }),
      )
      const heard = this.mutant('believe every departure')
        ? () => Number.POSITIVE_INFINITY
        : (cell: number) => known[cell] ?? 0
      const { value, fixes } = judge(key, rows, departures, heard)
      if (value) values.set(key, value)
      if (fixes.length === 0 || this.mutant('leave stale rows where they are')) continue
      const withRows = fixes.map((fix) => {
        const fold = chosen[fix.cell]?.fold
        const row = fix.type === 'U' && fold ? heldRows(fold, [fix])[0] : undefined
        return { fix, row: row ?? new Uint8Array(0) }
      })
      const versions = await repair.mend(withRows)
      fixes.forEach((fix, i) => {
        if (fix.type === 'U' && value) value.version = versions[i] as number
      })
    }
    return values
  }

  /** The directory at a cut knows of everything that was acknowledged before. */
  async #strongRead(): Promise<void> {
    if (this.asked) return
    const before = this.#writes.filter(({ acknowledged, version }) => acknowledged && version !== undefined)
    const cut = await readCut(this.client, { ...SCOPE, clusters: this.cells }, IDS)
    if (!cut) return
    IDS.forEach((key, i) => this.#expectSeen(key, before, cut.entries[i]?.userVersion, 'a strong read'))
  }

  #expectSeen(key: IdKey, acknowledged: readonly Write[], found: number | undefined, who: string): void {
    const last = acknowledged.reduce((max, write) => (write.key === key ? Math.max(max, write.version ?? 0) : max), 0)
    if (last === 0 || (found !== undefined && found >= last)) return
    const deletes = this.#writes.filter((write) => write.key === key && write.payload === undefined)
    // A delete whose outcome nobody was told may have been executed, before or after.
    if (found === undefined && deletes.some(({ version }) => version === undefined || version >= last)) return
    throw new Violation(`${who} finds ${found ?? 'nothing'} of ${key}, of which version ${last} was acknowledged`)
  }

  async #settle(rounds: number): Promise<void> {
    for (let i = 0; i < rounds; i++) {
      this.redis.now += 500
      for (const pod of this.pods) {
        await pod.tick()
        const led = this.pods.some(({ cell, lead, phase }) => cell === pod.cell && lead && phase === 'following')
        if (!led || i % 4 === 3) await pod.elect()
        await pod.resolve()
      }
    }
  }

  async #heal(): Promise<void> {
    for (let i = 0; i < HEAL_ROUNDS; i++) {
      for (const pod of this.pods) if (pod.phase === 'down') pod.start()
      await this.#deliver()
      await this.#settle(1)
      if (i % 4 === 3) for (const pod of this.pods) await pod.elect()
      if (i > 2 && (await this.#healed())) return
    }
    throw new Violation(
      `does not heal: ${this.pods.map(({ name, phase, primary }) => `${name} ${phase} ${primary}`).join(', ')}`,
    )
  }

  async #healed(): Promise<boolean> {
    const cut = await readCut(this.client, { ...SCOPE, clusters: this.cells }, [])
    return (
      cut !== undefined &&
      this.pods.every(
        ({ phase, cell, fold }) => phase === 'following' && fold.point.position.seq === cut.heads[cell]?.seq,
      ) &&
      cut.heads.every((_, cell) => this.pods.some((pod) => pod.cell === cell && pod.primary))
    )
  }

  async #check(): Promise<void> {
    const keys = keysOf(SCOPE.namespace, SCOPE.name)
    let owners = 0
    for (const key of IDS) {
      const raw = (await this.client.hget(keys.directory(hashKey(key) % DIRECTORY_BUCKETS), key)) ?? '-|||0|0'
      const [owner = '-', copy = '', linger = '', userVersion = '0'] = raw.split('|')
      if (owner !== '-') owners++
      const listed = [owner, copy, linger].filter((cell) => cell !== '' && cell !== '-').sort()
      for (let ordinal = 0; ordinal < this.replicas; ordinal++) {
        const folds = this.pods.filter(({ name }) => name.endsWith(`/${ordinal}`))
        const held = folds.filter(({ fold }) => fold.live.has(key))
        const where = held.map(({ cell }) => String(cell)).sort()
        if (where.join() !== listed.join())
          throw new Violation(`${key} is in cells ${where.join()}, the directory says ${listed.join()}`)
        if (held.some(({ fold, cell }) => (fold.live.get(key)?.flag === 'o') !== (String(cell) === owner)))
          throw new Violation(`${key} has another owner than the directory says`)
        const payloads = new Set(held.map(({ fold }) => fold.live.get(key)?.payload))
        if (payloads.size > 1) throw new Violation(`${key} has several contents: ${[...payloads].join(', ')}`)
      }
      if (this.asked) continue
      const found = owner === '-' ? undefined : Number(userVersion)
      this.#expectSeen(
        key,
        this.#writes.filter(({ acknowledged, version }) => acknowledged && version !== undefined),
        found,
        'the end',
      )
      this.#expectUnnumbered(key, found === undefined ? undefined : this.#contentOf(key, owner))
    }
    const rows = Number(await this.client.hget(allCellKeys(keys, 1)[0] as string, 'rows'))
    if (rows !== owners) throw new Violation(`the collection counts ${rows} points and has ${owners}`)
  }

  #contentOf(key: IdKey, owner: string): string | undefined {
    return this.pods.find(({ cell, fold }) => String(cell) === owner && fold.live.has(key))?.fold.live.get(key)?.payload
  }

  /** Acknowledged without anybody knowing a version: the last write of all to an id must be there. */
  #expectUnnumbered(key: IdKey, content: string | undefined): void {
    const last = this.#writes.findLast((write) => write.key === key)
    if (last?.acknowledged && last.version === undefined && last.payload !== content)
      throw new Violation(`the last write to ${key}, ${last.payload ?? 'a delete'}, was acknowledged, and is not there`)
  }
}
