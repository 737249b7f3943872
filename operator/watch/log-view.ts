/**
 * What the log says of a collection: who leads, how far each pod is, whether Redis is durable. One connection for each
 * VectorCluster, made when it is needed. The log is read beside the pass: a Redis that is slow or
 * away delays no other VectorCluster, and is asked less and less often.
 */
import { refusalOf } from '../../core/data-identity.ts'
import { asMaksError, type MaksError } from '../../core/errors.ts'
import { type CollectionConfig, identityOf } from '../../protocol/env/config.ts'
import type { Heartbeat } from '../../protocol/shard-rpc.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { checkDurability, type Durable, type RedisMemory, readMemory } from '../../store/connection.ts'
import { adoptKeys, disownKeys, eraseKeys, type Ownership } from '../../store/ownership.ts'
import { RedisLink } from '../../store/redis-link.ts'
import {
  acceptLoss,
  type Removal,
  readTopology,
  releaseLeaseOf,
  removeMember,
  reportRegression,
  type TopologyView,
} from '../../store/topology.ts'

const DURABILITY_MS = 10_000
/** How long a pass waits for a log that answered last time, or was never asked. */
const PATIENCE_MS = 100
/** A state that is older than this says nothing any more. */
const GOOD_FOR_MS = 2000
const BACKOFF_FIRST_MS = 500
const BACKOFF_MAX_MS = 8000

export interface LogState {
  topology: TopologyView | undefined
  durable: Durable
  /** Of Redis; undefined where it is not known. */
  memory?: RedisMemory | undefined
  /** Why there is no topology. */
  error: string | undefined
  /** What is there is another's, or of another shape: nothing of it says anything of this VectorCluster. */
  refused?: MaksError
  /** For how long Redis has been asked in vain; 0 where there is a topology. */
  silentMs: number
}

interface Known {
  url: string
  link: RedisLink
  state: LogState | undefined
  /** When the state was asked for. */
  askedAt: number
  durableAt: number
  reading: Promise<void> | undefined
  /** When the first question was asked that has no answer yet. */
  unansweredSince: number | undefined
  /** A pass continued without the answer. */
  awaited: boolean
  failures: number
  backoffUntil: number
  fingerprint: string
}

export class LogViews {
  readonly #known = new Map<string, Known>()
  readonly #onChange: (key: string) => void

  /** @param onChange called when an answer that no pass waited for says something new */
  constructor(onChange: (key: string) => void) {
    this.#onChange = onChange
  }

  /**
   * The state of the log, at most 2 s old. Undefined if the first answer is not there yet: there is nothing to publish
   * then, and `onChange` is called when it comes. Never throws.
   * @param fingerprint what is known of Redis from elsewhere; when it changes, a Redis that was away is asked at once
   */
  async read(key: string, url: string, scope: CollectionConfig, fingerprint: string): Promise<LogState | undefined> {
    const known = this.#of(key, url)
    if (known.fingerprint !== fingerprint) known.backoffUntil = 0
    known.fingerprint = fingerprint
    if (!known.reading && performance.now() >= known.backoffUntil) known.reading = this.#refresh(key, known, scope)
    const wasReachable = known.state === undefined || known.state.topology !== undefined
    if (known.reading && wasReachable) await Promise.race([known.reading, sleep(PATIENCE_MS)])
    known.awaited = known.reading !== undefined
    if (known.state?.topology && known.reading && performance.now() - known.askedAt > GOOD_FOR_MS)
      return away(`Redis has not answered for ${GOOD_FOR_MS} ms`, known)
    if (!known.state || known.state.topology || known.state.refused) return known.state
    return away(known.state.error ?? '', known)
  }

  async #refresh(key: string, known: Known, scope: CollectionConfig): Promise<void> {
    const askedAt = performance.now()
    const before = known.state
    known.unansweredSince ??= askedAt
    try {
      const topology = await known.link.use((redis) => readTopology(redis, scope))
      let durable = before?.durable ?? 'unknown'
      if (askedAt - known.durableAt > DURABILITY_MS || durable !== 'yes') {
        durable = await known.link.use((redis) => checkDurability(redis, scope.durability))
        known.durableAt = askedAt
      }
      const refused = refusalOf(topology.claimed, identityOf(scope))
      const memory = await known.link.use(readMemory)
      known.unansweredSince = undefined
      known.state = refused
        ? { ...away(refused.message, known), durable, refused, silentMs: Number.POSITIVE_INFINITY }
        : { topology, durable, memory, error: undefined, silentMs: 0 }
      known.failures = 0
    } catch (thrown) {
      known.state = away(asMaksError(thrown).message, known)
      known.backoffUntil = performance.now() + Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** known.failures++)
    }
    known.askedAt = askedAt
    known.reading = undefined
    const changed = known.state.topology !== undefined || before?.error !== known.state.error
    // Forgotten meanwhile: the connection may have been made after that.
    if (this.#known.get(key) !== known) known.link.drop()
    else if (known.awaited && changed) this.#onChange(key)
    known.awaited = false
  }

  #of(key: string, url: string): Known {
    const current = this.#known.get(key)
    if (current?.url === url) return current
    current?.link.drop()
    const made: Known = {
      url,
      link: new RedisLink(url),
      state: undefined,
      askedAt: 0,
      durableAt: Number.NEGATIVE_INFINITY,
      reading: undefined,
      unansweredSince: undefined,
      awaited: false,
      failures: 0,
      backoffUntil: 0,
      fingerprint: '',
    }
    this.#known.set(key, made)
    return made
  }

  /** Releases the lease of a process that the kubelet says has ended. */
  releaseLease(
    key: string,
    url: string,
    scope: CollectionConfig,
    cell: number,
    pod: string,
    startId: string,
  ): Promise<boolean> {
    return this.#of(key, url).link.use((redis) => releaseLeaseOf(redis, scope, cell, pod, startId))
  }

  /** Removes a pod that is there no more from the members of the collection. */
  removeMember(key: string, url: string, scope: CollectionConfig, member: Heartbeat): Promise<Removal> {
    return this.#of(key, url).link.use((redis) => removeMember(redis, scope, member))
  }

  /** Closes the gate where a log ends before what was seen at its head. */
  reportRegression(key: string, url: string, scope: CollectionConfig, seen: readonly string[]): Promise<string[]> {
    return this.#of(key, url).link.use((redis) => reportRegression(redis, scope, seen))
  }

  acceptLoss(key: string, url: string, scope: CollectionConfig): Promise<string[]> {
    return this.#of(key, url).link.use((redis) => acceptLoss(redis, scope))
  }

  /** @param hash SHA-256 of the one password that the user of our programs has from now on; who is logged in stays so */
  async onlyPassword(key: string, url: string, hash: string): Promise<void> {
    await this.#of(key, url).link.use((redis) => redis.acl('SETUSER', 'default', 'resetpass', `#${hash}`))
  }

  /** Removes everything of a collection from an external Redis. Returns the number of keys, or whose they are. */
  erase(key: string, url: string, scope: CollectionConfig): Promise<number | { uid: string; other: string }> {
    return this.#of(key, url).link.use((redis) => eraseKeys(redis, scope))
  }

  /** Lets the keys go for a later VectorCluster of the name. */
  disown(key: string, url: string, scope: CollectionConfig): Promise<Ownership> {
    return this.#of(key, url).link.use((redis) => disownKeys(redis, scope))
  }

  /** Takes the keys over from an owner that an administrator has named as ended. */
  adopt(key: string, url: string, scope: CollectionConfig, earlier: string): Promise<Ownership> {
    return this.#of(key, url).link.use((redis) => adoptKeys(redis, scope, scope, earlier))
  }

  forget(key: string): void {
    this.#known.get(key)?.link.drop()
    this.#known.delete(key)
  }

  close(): void {
    for (const { link } of this.#known.values()) link.drop()
    this.#known.clear()
  }
}

function away(error: string, { unansweredSince }: Pick<Known, 'unansweredSince'>): LogState {
  const silentMs = unansweredSince === undefined ? 0 : performance.now() - unansweredSince
  return { topology: undefined, durable: 'unknown', error, silentMs }
}
