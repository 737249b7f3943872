/**
 * What the log says of a collection: who leads, how far each pod is, whether Redis is durable. One connection for each
 * VectorCluster, made when it is needed; a Redis that does not answer is left alone for a moment.
 */
import { asMaksError } from '../core/errors.ts'
import type { CollectionConfig } from '../protocol/config.ts'
import { keysOf } from '../protocol/keys.ts'
import { checkDurability, type Durable } from '../store/connection.ts'
import { RedisLink } from '../store/redis-link.ts'
import { acceptLoss, readTopology, releaseLeaseOf, type TopologyView } from '../store/topology.ts'

const DURABILITY_MS = 10_000
const LEAVE_ALONE_MS = 1000
const SCAN_COUNT = 1000

export interface LogState {
  topology: TopologyView | undefined
  durable: Durable
  /** Why there is no topology. */
  error: string | undefined
}

interface Known {
  url: string
  link: RedisLink
  durable: Durable
  durableAt: number
  failedAt: number
  error: string | undefined
}

type Scope = Pick<CollectionConfig, 'namespace' | 'name' | 'clusters' | 'durability'>

export class LogViews {
  readonly #known = new Map<string, Known>()

  async read(key: string, url: string, scope: Scope): Promise<LogState> {
    const known = this.#of(key, url)
    const now = performance.now()
    if (known.error !== undefined && now - known.failedAt < LEAVE_ALONE_MS)
      return { topology: undefined, durable: 'unknown', error: known.error }
    try {
      const topology = await known.link.use((redis) => readTopology(redis, scope))
      if (now - known.durableAt > DURABILITY_MS || known.durable !== 'yes') {
        known.durable = await known.link.use((redis) => checkDurability(redis, scope.durability))
        known.durableAt = now
      }
      known.error = undefined
      return { topology, durable: known.durable, error: undefined }
    } catch (thrown) {
      known.error = asMaksError(thrown).message
      known.failedAt = performance.now()
      return { topology: undefined, durable: 'unknown', error: known.error }
    }
  }

  #of(key: string, url: string): Known {
    const present = this.#known.get(key)
    if (present?.url === url) return present
    present?.link.drop()
    const made = {
      url,
      link: new RedisLink(url),
      durable: 'unknown' as const,
      durableAt: 0,
      failedAt: 0,
      error: undefined,
    }
    this.#known.set(key, made)
    return made
  }

  /** Releases the lease of a process that the kubelet says has ended. */
  releaseLease(key: string, url: string, scope: Scope, cell: number, pod: string, startId: string): Promise<boolean> {
    return this.#of(key, url).link.use((redis) => releaseLeaseOf(redis, scope, cell, pod, startId))
  }

  acceptLoss(key: string, url: string, scope: Scope): Promise<string[]> {
    return this.#of(key, url).link.use((redis) => acceptLoss(redis, scope))
  }

  /** Removes everything of a collection from an external Redis. */
  async erase(key: string, url: string, scope: Scope): Promise<number> {
    const pattern = `${keysOf(scope.namespace, scope.name)
      .meta.replace(/meta$/, '')
      .replace(/[[\]?*\\]/g, '\\$&')}*`
    return this.#of(key, url).link.use(async (redis) => {
      let removed = 0
      let cursor = '0'
      do {
        const [next, found] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT)
        cursor = next
        if (found.length > 0) removed += await redis.unlink(...found)
      } while (cursor !== '0')
      return removed
    })
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
