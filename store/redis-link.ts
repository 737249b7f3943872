/** A connection to Redis that is made when it is needed and thrown away when it fails. Never resends anything. */
import { MaksError } from '../core/errors.ts'
import { connect, type Redis, redisError, resolveUrl } from './connection.ts'

export class RedisLink {
  readonly #url: string
  readonly #blockingMs: number
  #redis: Redis | undefined
  #connecting: Promise<Redis> | undefined
  /** How often the link was dropped: a connection that was being made then is not kept. */
  #drops = 0

  constructor(url: string, blockingMs = 0) {
    this.#url = url
    this.#blockingMs = blockingMs
  }

  async get(): Promise<Redis> {
    if (this.#redis?.status === 'ready') return this.#redis
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  async #connect(): Promise<Redis> {
    const drops = this.#drops
    const redis = await connect(resolveUrl(this.#url), { blockingMs: this.#blockingMs })
    if (this.#drops !== drops) {
      redis.disconnect()
      throw new MaksError('REDIS_UNAVAILABLE', 'the connection to Redis was given up while it was being made', {
        details: { notExecuted: true },
      })
    }
    this.#redis = redis
    return redis
  }

  /** Runs one piece of work; after a failure the connection is not used again. */
  async use<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = await this.get()
    try {
      return await work(redis)
    } catch (thrown) {
      const error = redisError(thrown)
      if (error.code === 'REDIS_UNAVAILABLE') this.#giveUp(redis)
      throw error
    }
  }

  /** Only this connection: another caller may be making a new one. */
  #giveUp(redis: Redis): void {
    if (this.#redis === redis) this.#redis = undefined
    redis.disconnect()
  }

  /** Closes the connection, also one that is being made. The next use makes another one. */
  drop(): void {
    this.#drops++
    this.#redis?.disconnect()
    this.#redis = undefined
  }
}

export function wasNotExecuted(error: MaksError): boolean {
  return error.details?.notExecuted === true
}
