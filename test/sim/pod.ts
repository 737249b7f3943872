/**
 * A pod of the simulation: what shard-server does with the log, one step at a time and without FAISS. Its memory goes with a
 * kill, its volume does not. The calls into the log, the check of the chain, the tombstones and the judgement of a repair
 * are the real ones.
 */
import { leaseToken } from '../../core/log/lease-token.ts'
import { comparePositions, formatPosition, type Position, parsePosition } from '../../core/log/position.ts'
import { decodeRow } from '../../core/row-codec.ts'
import { CellLog, type Lead, type Operation } from '../../store/cell-log.ts'
import { countFitting, type LogEntry, LogMismatch, type LogTip, verifyChain } from '../../store/log-entry.ts'
import { identity } from '../support/log-harness.ts'
import { Fold, type Volume } from './fold.ts'
import { repairBy } from './repair.ts'
import type { World } from './world.ts'

const READ = 5
const LEASE_MS = 3000
/** Part of the lease that is not trusted. */
const LEASE_MARGIN_MS = 80
const RENEW_BEFORE_MS = 2000
export const BEAT_MS = 400

/** A batch whose reply was lost; it may not even have arrived yet. */
interface Unknown {
  operation: Operation
  late: (() => Promise<unknown>) | undefined
}

export class SimPod {
  readonly world: World
  readonly cell: number
  readonly name: string
  readonly log: CellLog
  volume: Volume = { snapshots: [], mark: undefined, seen: 0 }
  fold = new Fold()
  phase: 'down' | 'claiming' | 'following' = 'down'
  lead: Lead | undefined
  primary = false
  history = 0
  #leadSeq = 0
  /** Until when it takes itself for the primary, by its own clock. */
  #until = 0
  #beatAt = 0
  #settled = false
  #before: LogTip | undefined
  #connection = 0
  #batch = 0
  #unknown: Unknown | undefined
  #token = ''
  #repair: AsyncGenerator<void> | undefined
  #lives = 0

  constructor(world: World, cell: number, ordinal: number) {
    this.world = world
    this.cell = cell
    this.name = `${cell}/${ordinal}`
    this.log = new CellLog({
      namespace: 'sim',
      name: 'c',
      clusters: world.cells,
      cell,
      identity: identity(world.cells),
    })
  }

  start(): void {
    this.#lives++
    this.fold = this.volume.snapshots.at(-1)?.copy() ?? new Fold()
    this.#before = this.volume.mark
    this.#claim()
  }

  async kill(): Promise<void> {
    if (this.phase !== 'down') await this.world.died(this, String(this.#lives))
    this.phase = 'down'
    this.#stepDown()
    this.#repair = undefined
  }

  #claim(): void {
    this.phase = 'claiming'
    this.#settled = false
    this.#repair = undefined
    this.#token = `repair ${this.name} ${this.world.number()}`
  }

  /** May it answer as the primary? Nobody else can have taken the lease until then. */
  get leads(): boolean {
    return this.primary && this.phase === 'following' && this.world.redis.now < this.#until
  }

  /** For the outcome of a batch whose reply was lost. */
  get waits(): boolean {
    return this.#unknown !== undefined
  }

  #stepDown(): void {
    this.lead = undefined
    this.primary = false
    this.#unknown = undefined
  }

  get before(): LogTip | undefined {
    const before = this.#before
    return before && comparePositions(before.position, this.fold.point.position) > 0 ? before : undefined
  }

  async tick(): Promise<void> {
    if (this.phase === 'claiming') await this.#passGate()
    else if (this.phase === 'following') await this.follow()
  }

  async #passGate(): Promise<void> {
    const { world, before } = this
    const held = this.fold.point
    const reply = await this.log.claim(world.client, {
      pod: this.name,
      held,
      known: before ?? held,
      settled: this.#settled,
      version: this.fold.version,
      knownPods: world.pods.length,
      windowMs: 1000,
      token: this.#token,
      process: String(this.#lives),
      seen: this.volume.seen,
    })
    const [code, why = ''] = reply
    if (code === 'OPEN') {
      this.phase = 'following'
      this.history = Number(why)
      return
    }
    if (code === 'FORK' && before) this.#forgetBefore()
    else if (code === 'FORK') this.stepBack()
    const regressed = code === 'REGRESSED' || code === 'REPAIR'
    if (regressed && why.includes('no pod holds')) world.told(why)
    if (regressed && !this.#settled) {
      while ((await this.#read('fitting')) > 0);
      this.#settled = true
    }
    if (code === 'REPAIR') this.#repair ??= repairBy(world, this.#token, reply)
    if (this.#repair) {
      const failed = await this.#repair.next().then(
        ({ done }) => done,
        () => true,
      )
      if (failed) {
        this.#repair = undefined
        this.#token = `repair ${this.name} ${world.number()}`
      }
    }
  }

  #forgetBefore(): void {
    this.#before = undefined
    this.volume.mark = undefined
  }

  stepBack(): void {
    const { seq } = this.fold.point.position
    this.volume.mark = undefined
    this.volume.snapshots = this.volume.snapshots.filter(({ point }) => point.position.seq < seq)
    this.fold = this.volume.snapshots.at(-1)?.copy() ?? new Fold()
    this.#before = undefined
  }

  async #read(which: 'all' | 'fitting'): Promise<number> {
    const { world } = this
    const entries = await this.log.read(world.client, this.fold.point.position, READ, 0)
    const some = which === 'all' ? entries : entries.slice(0, countFitting(this.fold.point, entries))
    if (some.length === 0) return 0
    const point = verifyChain(this.fold.point, some)
    for (const entry of some) this.#apply(entry)
    this.fold.point = point
    if (this.phase === 'following' && !this.before) this.volume.mark = point
    return some.length
  }

  #apply(entry: LogEntry): void {
    const { ledger } = this.world
    const { type, key, row, version, userVersion } = entry
    const present = this.fold.live.get(key)
    if (type === 'U') ledger.observe(decodeRow(row, 2).payload, userVersion)
    if (type === 'P') ledger.observe(row.toString(), userVersion)
    if (type === 'P' && !(present && present.born >= version)) ledger.observeEdit(row.toString(), present?.payload)
    this.fold.apply(entry)
    const edited = this.fold.live.get(key)
    if (type === 'P' && present && edited && this.world.mutant('an edit leaves its row the version that it had'))
      this.fold.live.set(key, { ...edited, born: present.born })
  }

  async follow(): Promise<void> {
    const { world } = this
    if (this.lead && world.redis.now > this.#until - RENEW_BEFORE_MS) await this.renew()
    if (this.phase !== 'following') return
    const beat = {
      pod: this.name,
      cell: this.cell,
      oldestSnapshot: this.volume.snapshots[0] ? formatPosition(this.volume.snapshots[0].point.position) : null,
      hold: null,
    }
    const progress = await this.log.heartbeat(world.client, beat as never)
    this.volume.seen = Math.max(this.volume.seen, progress.taken)
    if (!progress.gateOpen) return this.#claim()
    try {
      await this.#read('all')
    } catch (thrown) {
      if (!(thrown instanceof LogMismatch)) throw thrown
      if (thrown.kind === 'gap') await this.#skipGap()
      else this.stepBack()
      return this.#claim()
    }
    if (this.lead && this.fold.point.position.seq >= this.#leadSeq) this.primary = true
    world.acknowledge()
  }

  /** Heartbeats have a clock of their own, whatever else the pod does. */
  async beat(): Promise<void> {
    const { now } = this.world.redis
    if (this.phase === 'down' || now - this.#beatAt < BEAT_MS) return
    this.#beatAt = now
    this.volume.seen = Math.max(this.volume.seen, Number(await this.world.client.hget(this.log.keys.meta, 'taken')))
  }

  async #skipGap(): Promise<void> {
    const trim = parsePosition((await this.world.client.hget(this.log.cellMeta, 'trim')) ?? '0-0')
    if (trim.seq > this.fold.point.position.seq) this.bootstrap(trim)
  }

  /** A peer's snapshot, which a peer that has come far enough takes now. */
  bootstrap(trim: Position): boolean {
    for (const peer of this.world.pods) {
      if (peer === this || peer.cell !== this.cell || peer.phase === 'down') continue
      if (peer.phase === 'following' && peer.fold.point.position.seq >= trim.seq) peer.snapshot()
      const newest = peer.volume.snapshots.at(-1)
      if (!newest || newest.point.position.seq < trim.seq) continue
      this.volume.snapshots = [...this.volume.snapshots, newest.copy()].slice(-2)
      this.fold = newest.copy()
      return true
    }
    return false
  }

  snapshot(): void {
    const copy = this.fold.copy(!this.world.mutant('snapshots forget what was let go'))
    this.volume.snapshots = [...this.volume.snapshots, copy].slice(-2)
  }

  async elect(): Promise<void> {
    if (this.phase !== 'following' || this.lead) return
    const token = leaseToken({ pod: this.name, startId: String(this.#lives) }, String(this.world.number()))
    const until = this.world.redis.now + LEASE_MS - LEASE_MARGIN_MS
    const reply = await this.log.acquire(
      this.world.client,
      this.name,
      token,
      LEASE_MS,
      this.fold.point.position,
      this.history,
    )
    if (reply[0] === 'GATE' || reply[0] === 'CORRUPT') this.#claim()
    if (reply[0] !== 'OK') return
    this.lead = { epoch: reply[1] as string, token }
    this.#leadSeq = parsePosition(reply[2] as string).seq
    this.world.tookOverAt = this.world.redis.now
    this.#until = until
    this.#connection = 0
    this.#batch = 0
  }

  async renew(): Promise<void> {
    if (!this.lead || this.phase !== 'following') return
    const until = this.world.redis.now + LEASE_MS - LEASE_MARGIN_MS
    const reply = await this.log.renew(this.world.client, this.lead, LEASE_MS)
    if (reply[0] === 'OK') this.#until = until
    if (reply[0] === 'FENCED') this.#stepDown()
    if (reply[0] === 'GATE') this.#claim()
  }

  /** Commits one operation; the reply may be lost before or after Redis has executed it. */
  async commit(operation: Operation, fate: 'answered' | 'reply lost' | 'late'): Promise<void> {
    const { lead, world } = this
    if (!lead || !this.primary || this.phase === 'down' || this.#unknown) return
    const call = {
      lead,
      connection: this.#connection,
      batch: this.#batch + 1,
      known: this.fold.point,
      redundancyBound: 1,
      budgetBytes: 1e9,
      operations: [operation],
    }
    if (world.mutant('acknowledge before the reply') && fate !== 'answered') world.ledger.acknowledgeNow(operation)
    if (fate === 'late') {
      world.late(() => this.log.commit(world.client, call))
      this.#unknown = { operation, late: undefined }
      return
    }
    const reply = await this.log.commit(world.client, call)
    if (fate === 'reply lost') {
      this.#unknown = { operation, late: undefined }
      return
    }
    this.#interpret(operation, reply)
  }

  #interpret(operation: Operation, reply: string[]): void {
    if (reply[0] === 'OK') {
      this.#batch++
      this.world.ledger.committed(operation, reply[1] as string)
    } else if (reply[0] === 'FENCED') this.#stepDown()
    else if (reply[0] === 'GATE' || reply[0] === 'CORRUPT') this.#claim()
    else this.#stepDown()
  }

  /** After a lost reply, on a new connection. */
  async resolve(): Promise<void> {
    const { lead, world } = this
    const unknown = this.#unknown
    if (!unknown || !lead || this.phase === 'down') return
    this.#connection++
    const reply = await this.log.recoverBatch(world.client, lead, this.#connection)
    if (reply[0] === 'FENCED') return this.#stepDown()
    if (reply[0] !== 'OK') return
    this.#unknown = undefined
    if (Number(reply[1]) === this.#batch + 1) this.#interpret(unknown.operation, ['OK', reply[2] ?? ''])
    else if (world.chance(0.7)) await this.commit(unknown.operation, 'answered')
  }

  /** One step of a walk over the rows: moves what belongs elsewhere, drops what the target serves. */
  async walk(): Promise<void> {
    if (!this.primary || this.phase !== 'following') return
    const rows = [...this.fold.live.values()]
    const row = rows[Math.floor(this.world.random() * rows.length)]
    if (!row) return
    if (row.flag === 'l' && this.world.served(row.key, row.born))
      await this.commit({ type: 'L', key: row.key, expect: `o${row.born}` }, 'answered')
    else if (row.flag === 'o' && this.world.chance(0.5)) await this.world.move(this, row)
  }

  /** The primary of cell 0 makes the first centroids; each cell says when its rows are where they want them. */
  async publishOrWalked(): Promise<void> {
    const { lead, world, fold } = this
    if (!lead || !this.primary || this.phase !== 'following') return
    const { version } = fold.centroids
    if (version > 0) await this.log.finishMigrationScan(world.client, lead, version)
    else if (this.cell === 0) await this.log.publish(world.client, lead, 0, Buffer.from(`centroids ${world.number()}`))
  }

  async trim(): Promise<void> {
    if (!this.lead || this.phase !== 'following') return
    await this.log.trim(this.world.client, this.lead, this.world.replicas, [])
  }
}
