/**
 * One simulated collection: pods, a Redis that can lose what it holds, a clock, and a scheduler that draws every next step
 * from a seed. What all primaries concerned had applied was acknowledged; at the end everything heals, and whatever was
 * acknowledged must be there, once, where the directory says.
 */
import type { IdKey } from '../../core/ids.ts'
import { comparePositions, formatPosition, ORIGIN, type Position, parsePosition } from '../../core/log/position.ts'
import { type Random, seededRandom } from '../../core/random.ts'
import { encodeRow } from '../../core/row-codec.ts'
import { keysOf } from '../../protocol/keys.ts'
import type { StoredRow } from '../../shard-server/index/row-store.ts'
import type { Operation } from '../../store/cell-log.ts'
import type { Redis } from '../../store/connection.ts'
import { acceptLoss, readCut, readTopology, releaseLeaseOf, reportRegression } from '../../store/topology.ts'
import { IDS, SCOPE } from './collection.ts'
import { checkEnd } from './end.ts'
import { Ledger, Violation } from './ledger.ts'
import { BEAT_MS, SimPod } from './pod.ts'
import { SimRedis } from './sim-redis.ts'

/** Mutants of the simulated pods, by name; those of the scripts are given as their sources. */
export interface Mutation {
  flags?: ReadonlySet<string>
  scripts?: Readonly<Record<string, string>>
}

const VECTOR = Float32Array.of(1, 2)
const HEAL_ROUNDS = 120

export class World {
  readonly cells = 2
  readonly replicas = 2
  readonly random: Random
  readonly redis: SimRedis
  readonly client: Redis
  readonly pods: SimPod[]
  readonly ledger: Ledger
  readonly #flags: ReadonlySet<string>
  /** Centroids are published, and somebody who sees processes die gives their leases away. Draws otherwise than without. */
  readonly #wide: boolean
  /** Payloads are edited. Draws otherwise than without. */
  readonly #editing: boolean
  #late: (() => Promise<unknown>)[] = []
  /** Under idempotency keys. */
  readonly #requests: Operation[] = []
  #older: ReturnType<SimRedis['copy']> | undefined
  #numbers = 0
  readonly #fragile = new Set<number>()
  #lostAt = 0
  /** By the operator. */
  #seen: { generation: number; heads: Position[] } = { generation: 0, heads: [] }
  /** When a pod took over last. */
  tookOverAt = 0
  /** A person was asked; from then on nothing is promised about what is gone. */
  asked = false

  constructor(seed: number, mutation: Mutation = {}, { wide = false, edits = false } = {}) {
    this.#wide = wide
    this.#editing = edits
    this.random = seededRandom(seed)
    this.redis = new SimRedis(mutation.scripts)
    this.client = this.redis.client
    this.#flags = mutation.flags ?? new Set()
    this.ledger = new Ledger((name) => this.#flags.has(name))
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
      for (const pod of this.pods) await pod.beat()
    }
    await this.#heal()
    await this.#requestAllAgain()
    await checkEnd(this)
  }

  async #step(): Promise<void> {
    const pod = this.#pick(this.pods)
    if (this.#wide && this.chance(0.06)) return pod.publishOrWalked()
    if (this.#wide && this.chance(0.03)) return this.#lookFromOutside()
    if (this.#wide && this.chance(0.1)) return this.#request()
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
      await pod.kill()
      pod.start()
    } else if (r < 0.28) await pod.kill()
    else if (r < 0.36) {
      for (const one of this.pods) if (one.phase === 'down') one.start()
    } else if (r < 0.42) {
      // All pods of a cell; what they hold then is what their volumes have and the log.
      for (const one of peers) await one.kill()
      for (const one of peers) one.start()
    } else if (r < 0.5) this.redis.restart()
    else if (r < 0.64) this.#older = this.redis.copy()
    else if (r < 0.9) await this.#loseInRedis(pod.cell, r)
    else if (peers.every(({ phase }) => phase === 'following') && (await this.#mayLoseVolume(pod.cell))) {
      // A volume goes, which the other pod of its cell must make good, and that one starts again.
      this.#fragile.add(pod.cell)
      await pod.kill()
      pod.volume = { snapshots: [], mark: undefined, seen: 0 }
      for (const one of peers) await one.kill()
      for (const one of peers) one.start()
    }
  }

  async #loseInRedis(cell: number, r: number): Promise<void> {
    const older = this.#older
    // A takeover of which no heartbeat has told yet may be lost without anybody knowing: that much is not promised.
    if (r < 0.84 && this.redis.now - this.tookOverAt < BEAT_MS) return
    if (r < 0.84 && ((r < 0.8 && !older) || (await this.#fragileCells()).size > 0)) return
    if (r < 0.8 && older) this.redis.restore(older)
    else if (r < 0.84) this.redis.flush()
    else this.redis.delete(keysOf(SCOPE.namespace, SCOPE.name).log(cell))
    this.#lostAt = this.redis.now
  }

  /**
   * Not while what Redis has lost is not made good, when a volume may be all there is of an entry, nor while another pod of the
   * cell has not come back from the loss of its own: a cell lives as long as one of its volumes does.
   */
  async #mayLoseVolume(cell: number): Promise<boolean> {
    if ((await this.#fragileCells()).has(cell)) return false
    const cut = await readCut(this.client, { ...SCOPE, clusters: this.cells }, [])
    return cut !== undefined && cut.timeline > this.#lostAt
  }

  /**
   * Cells whose pods have not caught up since one of them lost its volume: Redis is what is left of them, and losing that, too,
   * may lose entries of which nobody knows. That much is not promised.
   */
  async #fragileCells(): Promise<ReadonlySet<number>> {
    for (const cell of this.#fragile) {
      const head = await this.client.hget(keysOf(SCOPE.namespace, SCOPE.name).cell(cell), 'head')
      const pods = this.pods.filter((pod) => pod.cell === cell)
      if (pods.every(({ fold }) => formatPosition(fold.point.position) === head)) this.#fragile.delete(cell)
    }
    return this.#fragile
  }

  async #write(): Promise<void> {
    const pod = this.#pick(this.#leaders())
    if (pod) await this.#writeBy(pod, false)
  }

  /** @param keyed under an idempotency key: it may be sent again */
  async #writeBy(pod: SimPod, keyed: boolean): Promise<void> {
    const { operation, payload } = this.#newWrite(pod)
    if (keyed) {
      operation.idempotency = { key: `key${this.number()}`, digest: 'asked' }
      this.#requests.push(operation)
    }
    this.ledger.sent(operation, payload)
    await this.#send(pod, operation)
  }

  #newWrite(pod: SimPod): { operation: Operation; payload: string | undefined } {
    const edited = this.#editing && this.chance(0.5) ? this.#pick([...pod.fold.live.values()]) : undefined
    if (edited) return this.#newEdit(edited)
    const key = this.#pick(IDS)
    if (this.chance(0.25)) return { operation: { type: 'D', key, expect: '' }, payload: undefined }
    const payload = JSON.stringify(this.number())
    const row = encodeRow({ vector: VECTOR, payload })
    const copy = this.chance(0.3) ? (pod.cell + 1) % this.cells : null
    const centroidVersion = pod.fold.centroids.version
    return { operation: { type: 'U', key, owner: pod.cell, copy, expect: '', centroidVersion, row }, payload }
  }

  /** Of the row as a pod has it, which others may have written since. */
  #newEdit({ key, payload: base, userVersion }: StoredRow): { operation: Operation; payload: string } {
    const payload = JSON.stringify(this.number())
    this.ledger.edits(base, payload)
    return { operation: { type: 'P', key, expect: `v${userVersion}`, payload: Buffer.from(payload) }, payload }
  }

  async #send(pod: SimPod, operation: Operation): Promise<void> {
    await pod.commit(operation, this.chance(0.7) ? 'answered' : this.chance(0.5) ? 'reply lost' : 'late')
  }

  /** A request under an idempotency key, or one that is sent again, whatever became of it, to whoever leads by now. */
  async #request(): Promise<void> {
    const pod = this.#pick(this.#leaders())
    if (!pod) return
    const first = this.chance(0.6) ? this.#pick(this.#requests) : undefined
    await (first ? this.#send(pod, this.#again(first, pod)) : this.#writeBy(pod, true))
  }

  #again(first: Operation, pod: SimPod): Operation {
    const routed = { owner: pod.cell, copy: null, centroidVersion: pod.fold.centroids.version }
    const again: Operation = first.type === 'U' ? { ...first, ...routed } : { ...first }
    this.ledger.sentAgain(again, first)
    return again
  }

  /** Every request once more, when all is well again: what was executed is not executed again, what was not is now. */
  async #requestAllAgain(): Promise<void> {
    for (const request of this.#requests) {
      const pod = this.#leaders().find((one) => !one.waits)
      if (!pod) throw new Violation('nobody takes requests when all is well')
      await pod.commit(this.#again(request, pod), 'answered')
    }
    await this.#heal()
  }

  #leaders(): SimPod[] {
    return this.pods.filter(({ primary, phase }) => primary && phase === 'following')
  }

  /** Whatever the primaries of all its cells have applied is acknowledged, as the router would do it. */
  acknowledge(): void {
    this.ledger.acknowledge((cell, seq, history) =>
      this.pods.some(
        (pod) =>
          pod.cell === cell &&
          pod.leads &&
          (pod.history === history || this.mutant('positions without a history')) &&
          pod.fold.point.position.seq >= seq,
      ),
    )
  }

  /** The operator notes how far the logs have come, and doubts one that has come less far. */
  async #lookFromOutside(): Promise<void> {
    const scope = { ...SCOPE, clusters: this.cells }
    const topology = await readTopology(this.client, scope)
    if (!topology.gateOpen) return
    const { generation, cells } = topology
    if (generation > this.#seen.generation) this.#seen = { generation, heads: [] }
    const { heads } = this.#seen
    if (cells.some(({ head }, cell) => head.seq < (heads[cell]?.seq ?? 0)))
      await reportRegression(
        this.client,
        scope,
        cells.map((_, cell) => formatPosition(heads[cell] ?? ORIGIN)),
      )
    else this.#seen = { generation, heads: cells.map(({ head }) => head) }
  }

  late(call: () => Promise<unknown>): void {
    this.#late.push(call)
  }

  /** The supervisor sees a process die, sooner or later: perhaps when the next one of the pod leads already. */
  async died(pod: SimPod, process: string): Promise<void> {
    if (!this.#wide) return
    const release = async () => {
      const key = keysOf(SCOPE.namespace, SCOPE.name).lease(pod.cell)
      const before = await this.client.get(key)
      await releaseLeaseOf(this.client, { ...SCOPE, clusters: this.cells }, pod.cell, pod.name, process)
      const taken = before !== null && (await this.client.get(key)) === null
      if (taken && !before.startsWith(`${pod.name}#${process}#`))
        throw new Violation(`the lease of ${before} was given away`)
    }
    if (this.chance(0.5)) await release()
    else this.late(release)
  }

  async #deliver(): Promise<void> {
    const call = this.#late.shift()
    if (call) await call()
  }

  async move(pod: SimPod, row: StoredRow): Promise<void> {
    const owner = (pod.cell + 1) % this.cells
    const expect = `o${row.born}`
    const bytes = encodeRow(row)
    await pod.commit(
      { type: 'M', key: row.key, owner, copy: null, expect, centroidVersion: pod.fold.centroids.version, row: bytes },
      'answered',
    )
  }

  /** Has the primary of every other cell what was in the log when this was asked? */
  served(key: IdKey, born: number): boolean {
    return this.pods.some(
      ({ leads, fold }) => leads && fold.live.get(key)?.flag === 'o' && fold.live.get(key)?.born === born,
    )
  }

  told(why: string): void {
    if (!why.includes('no pod holds')) return
    for (const [, cell, known] of why.matchAll(/cell (\d+): no pod holds .*? up to (\d+-\d+)/g)) {
      const to = parsePosition(known as string)
      // A later lead may have taken over where fewer entries were left; it does not hold what the operator had seen before.
      const holder = this.pods.find(
        ({ cell: of, phase, fold: { point } }) =>
          of === Number(cell) &&
          phase === 'claiming' &&
          point.position.seq >= to.seq &&
          comparePositions(point.position, to) >= 0,
      )
      if (holder) throw new Violation(`a person was asked for what ${holder.name} holds: ${why}`)
    }
    this.asked = true
    this.ledger.forgiving = true
    void acceptLoss(this.client, { ...SCOPE, clusters: this.cells })
  }

  /** The directory at a cut knows of everything that was acknowledged before. */
  async #strongRead(): Promise<void> {
    if (this.asked) return
    const before = this.ledger.acknowledged()
    const cut = await readCut(this.client, { ...SCOPE, clusters: this.cells }, IDS)
    if (!cut) return
    IDS.forEach((key, i) => this.ledger.expectSeen(key, before, cut.entries[i]?.userVersion, 'a strong read'))
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
      if (i % 4 === 3) {
        for (const pod of this.pods) {
          await pod.renew()
          await pod.elect()
        }
      }
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
}
