/**
 * Who leads the cell: takes the lease when it is free, renews it, and knows by its own monotonic clock until when it may
 * answer as the primary. Safety does not rest on this clock: a late append meets the fence in the log.
 */
import { randomUUID } from 'node:crypto'
import { leaseToken } from '../../core/log/lease-token.ts'
import { parsePosition } from '../../core/log/position.ts'
import { nextRole, type Role, type RoleEvent } from '../../core/log/role.ts'
import type { Lead } from '../../store/cell-log.ts'
import { RedisLink } from '../../store/redis-link.ts'
import { leaders } from '../pod/peers.ts'
import type { Pod } from '../pod/pod.ts'
import { PodLoop } from '../pod/pod-loop.ts'
import type { Replica } from './replica.ts'

const POLL_MS = 200
const POLL_JITTER_MS = 50
/** Until the replay follows the log: then the lease of a new cell is free, and its first write waits for it. */
const FOLLOWING_POLL_MS = 20
const SUCCESSOR_POLL_MS = 50
/** While the replay catches up, it is looked so often whether the pod still leads. */
const CATCH_UP_CHECK_MS = 1000
/** Part of the TTL that is not trusted, for drifting clock rates and the way to Redis. */
const DEADLINE_SHARE = 0.99
const DEADLINE_MARGIN_MS = 50

export class Election {
  readonly #pod: Pod
  readonly #replica: Replica
  readonly #link: RedisLink
  readonly #onRole: (role: Role) => void
  readonly #loop: PodLoop
  #role: Role = 'follower'
  #deadline = 0
  /** Monotonic time before which this pod does not ask for the lease again: it has handed over. */
  #notBefore = 0
  /** When the lease is renewed next. */
  #renewAt = 0
  /** Of the log when this lead began, which ends with it. */
  #timeline = 0
  lead: Lead | undefined

  constructor(pod: Pod, replica: Replica, onRole: (role: Role) => void) {
    this.#pod = pod
    this.#replica = replica
    this.#onRole = onRole
    this.#link = new RedisLink(pod.config.redisUrl)
    this.#loop = new PodLoop(pod, {
      name: 'election',
      level: 'warn',
      failed: 'the lease cannot be reached',
      pauseMs: () => this.#pauseMs(),
    })
  }

  get role(): Role {
    return this.#role
  }

  /** May this pod answer as the primary at this instant? */
  leads(): boolean {
    return this.#role === 'primary' && performance.now() < this.#deadline
  }

  run(): Promise<void> {
    return this.#loop.run(() => this.#step())
  }

  async #step(): Promise<'at once' | undefined> {
    // Without Redis the role stays, and so does the lead, which Redis may confirm; but no answer may come from a primary meanwhile.
    this.#pod.metrics.set('maksdb_primary', this.leads() ? 1 : 0)
    const ttl = this.#pod.env.MAKSDB_LEASE_TTL_MS
    if (this.lead === undefined) {
      if (this.#replica.phase === 'following' && performance.now() >= this.#notBefore) await this.#acquire(ttl)
      return this.lead === undefined ? undefined : 'at once'
    }
    if (this.#replica.phase === 'following' && this.#replica.timeline !== this.#timeline) {
      this.stepDown(this.lead, 'the gate has opened again')
      return 'at once'
    }
    if (performance.now() >= this.#renewAt) await this.#renew(this.lead, ttl)
    return undefined
  }

  #pauseMs(): number {
    if (this.lead !== undefined) return Math.min(POLL_MS, this.#pod.env.MAKSDB_LEASE_TTL_MS / 3)
    return this.#replica.phase === 'following' ? POLL_MS + Math.random() * POLL_JITTER_MS : FOLLOWING_POLL_MS
  }

  async #acquire(ttl: number): Promise<void> {
    const { log, name, startId, logger } = this.#pod
    // A replica asks five times a second, and UUIDs are made in advance; these digits of one are all random.
    const token = leaseToken({ pod: name, startId }, randomUUID().slice(-12))
    const sent = performance.now()
    const { tip: point, timeline } = this.#replica
    const reply = await this.#link.use((redis) => log.acquire(redis, name, token, ttl, point.position, timeline))
    if (reply[0] === 'GATE' || reply[0] === 'CORRUPT') this.#replica.gateLost()
    if (reply[0] !== 'OK') return
    this.lead = { epoch: reply[1] as string, token }
    this.#timeline = timeline
    this.#extend(sent, ttl)
    this.#move('acquired')
    logger.info({ epoch: this.lead.epoch }, 'leads, as soon as it has caught up')
    void this.#catchUp(this.lead, parsePosition(reply[2] as string).seq)
  }

  async #catchUp(lead: Lead, seq: number): Promise<void> {
    while (this.lead === lead && !this.#loop.closed) {
      if (await this.#replica.waitApplied(seq, AbortSignal.timeout(CATCH_UP_CHECK_MS))) {
        if (this.lead === lead) this.#move('caughtUp')
        return
      }
    }
  }

  async #renew(lead: Lead, ttl: number): Promise<void> {
    const sent = performance.now()
    this.#renewAt = sent + ttl / 3
    const reply = await this.#link.use((redis) => this.#pod.log.renew(redis, lead, ttl))
    if (reply[0] === 'OK') {
      this.#extend(sent, ttl)
      this.#pod.metrics.add('maksdb_lease_renewals_total')
    } else if (reply[0] === 'GATE') {
      // Reads continue until the lease ends; the lead itself ends when the gate opens again.
      this.#replica.gateLost()
    } else {
      this.stepDown(lead, `epoch ${reply[1]} has begun`)
    }
  }

  #extend(sent: number, ttl: number): void {
    this.#deadline = sent + ttl * DEADLINE_SHARE - DEADLINE_MARGIN_MS
  }

  /** Ends the lead: the caller has proof that another has begun, or that this one has ended. */
  stepDown(lead: Lead, why: string): void {
    if (this.lead !== lead) return
    this.#pod.logger.warn({ why, epoch: lead.epoch }, 'leads no longer')
    this.#pod.metrics.add('maksdb_lease_losses_total')
    this.lead = undefined
    this.#move('lost')
    // The script removes the lease only if the token is still ours: a lease that is left behind would delay the next primary.
    this.#link.use((redis) => this.#pod.log.release(redis, lead.token)).catch(() => undefined)
  }

  #move(event: RoleEvent): void {
    const role = nextRole(this.#role, event)
    if (role === this.#role) return
    this.#role = role
    this.#pod.metrics.set('maksdb_primary', role === 'primary' ? 1 : 0)
    this.#onRole(role)
  }

  /** Releases the lease and waits until another pod has taken it; does not ask for it again within `holdOffMs`. */
  async handOver(holdOffMs: number): Promise<{ handedOver: boolean; successor?: string | undefined }> {
    const { lead } = this
    if (!lead) return { handedOver: false }
    this.#notBefore = performance.now() + holdOffMs
    this.lead = undefined
    this.#move('lost')
    this.#pod.logger.info({ epoch: lead.epoch }, 'hands over')
    await this.#link.use((redis) => this.#pod.log.release(redis, lead.token))
    while (performance.now() < this.#notBefore && !this.#loop.closed) {
      await this.#loop.pause(SUCCESSOR_POLL_MS)
      const successor = (await leaders(this.#pod, this.#link))[this.#pod.env.MAKSDB_CELL]
      if (successor) return { handedOver: true, successor: successor.pod }
    }
    return { handedOver: true }
  }

  /** Gives the lease back, so that another pod can lead at once. */
  async close(): Promise<void> {
    this.#loop.close()
    const lead = this.lead
    this.lead = undefined
    this.#move('lost')
    if (lead) await this.#link.use((redis) => this.#pod.log.release(redis, lead.token)).catch(() => undefined)
    this.#link.drop()
  }
}
