/** A connection to Redis that is made when it is needed and thrown away when it fails. Never resends anything. */
import type { MaksError } from '../core/errors.ts'
import { connect, type Redis, redisError, resolveUrl } from './connection.ts'

export class RedisLink {
  readonly #url: string
  readonly #blockingMs: number
  #redis: Redis | undefined
  #connecting: Promise<Redis> | undefined

  constructor(url: string, blockingMs = 0) {
    this.#url = url
    this.#blockingMs = blockingMs
  }

  async get(): Promise<Redis> {
    if (this.#redis?.status === 'ready') return this.#redis
    this.#connecting ??= connect(resolveUrl(this.#url), { blockingMs: this.#blockingMs }).finally(() => {
      this.#connecting = undefined
    })
    this.#redis = await this.#connecting
    return this.#redis
  }

  /** Runs one piece of work; after a failure the connection is not used again. */
  async use<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = await this.get()
    try {
      return await work(redis)
    } catch (thrown) {
      const error = redisError(thrown)
      if (error.code === 'REDIS_UNAVAILABLE') this.drop()
      throw error
    }
  }

  drop(): void {
    this.#redis?.disconnect()
    this.#redis = undefined
  }
}

export function wasNotExecuted(error: MaksError): boolean {
  return error.details?.notExecuted === true
}
