/**
 * The primary's way into the log: operations of many requests become batches, one batch in flight. A lost reply is
 * looked up on a new connection before anything else is sent (rule L4), so that a batch is neither lost nor doubled.
 */
import { asMaksError, MaksError } from '../../core/errors.ts'
import { InvariantViolated } from '../../core/invariant.ts'
import { checkQueue, entryBytes, logShareBytes } from '../../core/limits.ts'
import { assertAnswered, assertHeadNotBelow } from '../../core/log/log-invariants.ts'
import { rowMisfit } from '../../core/row-codec.ts'
import type { OperationResult } from '../../protocol/shard-rpc.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { type CommitOutcome, type Lead, type Operation, parseCommitReply } from '../../store/cell-log.ts'
import { isReplicated, type Redis } from '../../store/connection.ts'
import { RedisLink, wasNotExecuted } from '../../store/redis-link.ts'
import type { Pod } from '../pod/pod.ts'
import { type Committed, combine, type Outcome } from './commit-outcome.ts'
import type { Election } from './election.ts'
import type { Replica } from './replica.ts'

export const BATCH_OPERATIONS_MAX = 256
export const BATCH_BYTES_MAX = 1024 * 1024
const RESOLVE_RETRY_MS = 100
/** How long a write of level `Replicated` waits for a replica of Redis; less than a command may take. */
const REPLICATED_MS = 3000

/** What the log answered, and whether that is as safe as the level asks. */
interface Sent {
  reply: string
  safe: boolean
}

interface Item {
  operation: Operation
  bytes: number
  settle: (outcome: Outcome) => void
}

const refused = (
  code: 'NOT_PRIMARY' | 'GATE_CLOSED' | 'WAL_REGRESSED' | 'WAL_BUDGET' | 'REDIS_UNAVAILABLE',
  message: string,
) => new MaksError(code, message, { details: { notExecuted: true } })

export class Committer {
  readonly #pod: Pod
  readonly #replica: Replica
  readonly #election: Election
  readonly #link: RedisLink
  readonly #onBudget: () => void
  #queue: Item[] = []
  /** Items at the front of the queue that have left it; they are cut off together, so that a long queue costs no more than its length. */
  #taken = 0
  #queueBytes = 0
  #running = false
  /** A batch of unknown outcome is being looked up; until it is known, nothing else is taken on. */
  #resolving = false
  /** Numbers of the present lead's connection and last batch. */
  #lead: Lead | undefined
  #connection = 0
  #batch = 0
  /** Number of the last entry that this lead has seen in its own log. */
  #seen = 0

  constructor(pod: Pod, replica: Replica, election: Election, onBudget: () => void) {
    this.#pod = pod
    this.#replica = replica
    this.#election = election
    this.#onBudget = onBudget
    this.#link = new RedisLink(pod.config.redisUrl)
  }

  /**
   * Commits operations, which may take several batches. Throws where nothing was executed, or UNKNOWN_OUTCOME where that
   * cannot be known of some; operations that were refused after others went through say so in their results.
   */
  async commit(operations: readonly Operation[]): Promise<Committed> {
    if (this.#election.role !== 'primary') throw refused('NOT_PRIMARY', `pod ${this.#pod.name} does not lead its cell`)
    if (this.#resolving) throw refused('REDIS_UNAVAILABLE', 'Redis does not answer')
    this.#checkRows(operations)
    const bytes = operations.reduce((sum, operation) => sum + operationBytes(operation), 0)
    const waiting = this.#queue.length - this.#taken
    // If none waits, any request is taken: none is refused for good.
    if (waiting > 0) {
      checkQueue('QUEUE_OPERATIONS_MAX', waiting + operations.length)
      checkQueue('QUEUE_BYTES_MAX', this.#queueBytes + bytes)
    }
    const outcomes = operations.map(
      (operation) =>
        new Promise<Outcome>((settle) => this.#queue.push({ operation, bytes: operationBytes(operation), settle })),
    )
    this.#queueBytes += bytes
    this.#noteDepth()
    void this.#run()
    return combine(await Promise.all(outcomes))
  }

  /** A row that the replay cannot read would end every pod of the cell: it is refused before the log has it. */
  #checkRows(operations: readonly Operation[]): void {
    const { size } = this.#pod.config.vectors['']
    for (const operation of operations) {
      const misfit = 'row' in operation ? rowMisfit(operation.row, size) : undefined
      if (misfit !== undefined) throw new MaksError('INTERNAL', misfit, { details: { notExecuted: true } })
    }
  }

  async #run(): Promise<void> {
    if (this.#running) return
    this.#running = true
    try {
      while (this.#queue.length > this.#taken) {
        const items = this.#take()
        try {
          const outcome = await this.#execute(items.map((item) => item.operation))
          items.forEach((item, i) => item.settle({ result: outcome.results[i] as OperationResult, batch: outcome }))
        } catch (thrown) {
          const error = asMaksError(thrown)
          for (const item of items) item.settle(error)
          if (thrown instanceof InvariantViolated) throw thrown
        }
      }
    } finally {
      this.#running = false
    }
  }

  #take(): Item[] {
    const bytesMax = Math.min(BATCH_BYTES_MAX, logShareBytes(this.#pod.config.walBudgetBytes))
    const items: Item[] = []
    let bytes = 0
    for (let at = this.#taken; at < this.#queue.length && items.length < BATCH_OPERATIONS_MAX; at++) {
      const item = this.#queue[at] as Item
      if (items.length > 0 && bytes + item.bytes > bytesMax) break
      bytes += item.bytes
      items.push(item)
    }
    this.#queueBytes -= bytes
    this.#taken += items.length
    if (this.#taken * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#taken)
      this.#taken = 0
    }
    this.#noteDepth()
    return items
  }

  #noteDepth(): void {
    this.#pod.metrics.set('maksdb_queue_depth', this.#queue.length - this.#taken, { queue: 'commit' })
  }

  async #execute(operations: Operation[]): Promise<CommitOutcome> {
    const lead = this.#election.lead
    if (!lead || this.#election.role !== 'primary')
      throw refused('NOT_PRIMARY', `pod ${this.#pod.name} does not lead its cell`)
    if (lead !== this.#lead) {
      this.#lead = lead
      this.#connection = 0
      this.#batch = 0
      this.#seen = this.#replica.tip.position.seq
    }
    const { metrics, config } = this.#pod
    metrics.observe('maksdb_commit_batch_operations', operations.length)
    const started = performance.now()
    for (;;) {
      const sent = await this.#send(lead, operations)
      if (sent === undefined) continue
      this.#batch++
      if (!sent.safe) {
        throw new MaksError('UNKNOWN_OUTCOME', 'the write is in the log, but no replica of Redis has confirmed it', {
          details: { applied: operations.length },
        })
      }
      metrics.add('maksdb_commits_total', operations.length)
      metrics.observe('maksdb_commit_seconds', (performance.now() - started) / 1000, { collection: config.collection })
      return this.#checked(parseCommitReply(sent.reply), operations.length)
    }
  }

  #checked(outcome: CommitOutcome, operations: number): CommitOutcome {
    const head = outcome.heads[this.#pod.env.MAKSDB_CELL]
    assertAnswered(operations, outcome.results.length)
    assertHeadNotBelow(this.#seen, head)
    this.#seen = head ?? this.#seen
    return outcome
  }

  /** The reply of the batch; undefined where it is known not to have run and may be sent again. */
  async #send(lead: Lead, operations: Operation[]): Promise<Sent | undefined> {
    const { log, config } = this.#pod
    try {
      return await this.#link.use(async (redis) => {
        const reply = await log.commit(redis, {
          lead,
          connection: this.#connection,
          batch: this.#batch + 1,
          known: this.#replica.tip,
          redundancyBound: config.redundantStorage - 1,
          budgetBytes: config.walBudgetBytes,
          operations,
        })
        return { reply: this.#interpret(lead, reply), safe: await this.#replicated(redis) }
      })
    } catch (thrown) {
      const error = asMaksError(thrown)
      if (error.code !== 'REDIS_UNAVAILABLE' || wasNotExecuted(error)) throw error
      this.#resolving = true
      return await this.#resolve(lead).finally(() => {
        this.#resolving = false
      })
    }
  }

  /** On the connection that has written: the replica must have all up to there. */
  async #replicated(redis: Redis): Promise<boolean> {
    return this.#pod.config.durability !== 'Replicated' || (await isReplicated(redis, REPLICATED_MS))
  }

  #interpret(lead: Lead, reply: string[]): string {
    const [code, detail = ''] = reply
    if (code === 'OK') return detail
    if (code === 'FENCED') {
      this.#pod.metrics.add('maksdb_fenced_appends_total')
      this.#election.stepDown(lead, `the fence refused an append: epoch ${detail} leads`)
      throw refused('NOT_PRIMARY', `epoch ${detail} leads the cell now`)
    }
    if (code === 'WAL_BUDGET') {
      this.#onBudget()
      throw refused('WAL_BUDGET', `the log of cell ${detail} has reached its budget`)
    }
    if (code === 'GATE' || code === 'CORRUPT') {
      this.#replica.gateLost()
      throw this.#replica.regressed === '' && code === 'GATE'
        ? refused('GATE_CLOSED', 'the pods are comparing their copies with the log')
        : refused('WAL_REGRESSED', this.#replica.regressed || `the log of cell ${detail} is not what it was`)
    }
    throw new MaksError(
      'INTERNAL',
      `the log refused batch ${this.#batch + 1} on connection ${this.#connection}: ${reply.join(' ')}`,
    )
  }

  /** After a lost reply: what became of the batch? Asks until it knows, or until this pod no longer leads. */
  async #resolve(lead: Lead): Promise<Sent | undefined> {
    const deadline = performance.now() + 2 * this.#pod.env.MAKSDB_LEASE_TTL_MS
    const unknown = () =>
      new MaksError('UNKNOWN_OUTCOME', 'Redis was lost while the write was on its way, and another pod may lead now')
    while (this.#election.lead === lead && performance.now() < deadline) {
      try {
        this.#connection++
        const connection = this.#connection
        const [reply, safe] = await this.#link.use(async (redis) => {
          const answer = await this.#pod.log.recoverBatch(redis, lead, connection)
          // The number of the connection was written after the batch: who has the one has the other.
          return [answer, answer[0] === 'OK' && (await this.#replicated(redis))] as const
        })
        if (reply[0] === 'OK') return Number(reply[1]) === this.#batch + 1 ? { reply: reply[2] ?? '', safe } : undefined
        if (reply[0] === 'FENCED') break
        this.#replica.gateLost()
      } catch (error) {
        this.#pod.logger.debug({ error: String(error) }, 'the outcome of a batch is not known yet')
      }
      await sleep(RESOLVE_RETRY_MS)
    }
    // The number of the last batch is unknown from here on: only a new lead may continue.
    this.#election.stepDown(lead, 'the outcome of a batch could not be found out')
    throw unknown()
  }

  close(): void {
    this.#link.drop()
  }
}

/** What the operation adds to the log, as `commit-batch.lua` counts it. */
function operationBytes(operation: Operation): number {
  if (operation.type === 'P') return entryBytes(operation.key, operation.payload.byteLength)
  return 'row' in operation ? entryBytes(operation.key, operation.row.byteLength) : operation.key.length
}
