/**
 * Reads the log on a connection of its own, from which it takes the bytes as they come. ioredis makes the connection (TLS,
 * passwords, names), and sends nothing on it afterwards.
 */
import { MaksError } from '../core/errors.ts'
import { formatPosition } from '../core/log/position.ts'
import { COMMAND_TIMEOUT_MS, type Redis, redisError } from './connection.ts'
import { type BlockMemory, blockBytes, type EntryBlock } from './entry-block.ts'
import type { LogTip } from './log-entry.ts'
import { RedisLink } from './redis-link.ts'
import { StreamReply } from './stream-reply.ts'

/** Of the last block's bytes: a block that takes no more has memory at once. */
const EXPECTED_SHARE = 1.125
/** Blocks whose memory is kept for the next ones, while the log is read block by block, and the bytes of one. */
const KEPT_MAX = 2
const KEPT_BYTES_MAX = 16 * 1024 * 1024

export interface StreamRead {
  key: string
  /** Entries at most. */
  count: number
  /** If there is no entry, one is waited for so long; 0: not at all. */
  blockMs: number
}

interface Reading {
  reply: StreamReply
  resolve: (block: EntryBlock) => void
  reject: (error: unknown) => void
}

interface Connection {
  redis: Redis
  reading: Reading | undefined
}

export class StreamReader {
  readonly #link: RedisLink
  #connection: Connection | undefined
  #expected = 0
  readonly #kept: BlockMemory[] = []

  constructor(url: string, blockingMs: number) {
    this.#link = new RedisLink(url, blockingMs)
  }

  /** The entries after `tip`, not checked; one call at a time. Throws REDIS_UNAVAILABLE, and then connects anew. */
  read(tip: LogTip, read: StreamRead): Promise<EntryBlock> {
    return this.#link.use(async (redis) => {
      try {
        const block = await this.#ask(redis, tip, read)
        this.#expected = Math.ceil(EXPECTED_SHARE * blockBytes(block))
        if (block.count === 0) this.#kept.length = 0
        return block
      } catch (error) {
        throw redisError(error)
      }
    })
  }

  /** Takes the memory of a block that is no longer needed: pages that are written for the first time take longer than a copy. */
  giveBack(memory: BlockMemory): void {
    if (this.#kept.length < KEPT_MAX && memory.bytes.length <= KEPT_BYTES_MAX) this.#kept.push(memory)
  }

  /** Closes the connection; a call that waits fails. The next call makes another one. */
  drop(): void {
    this.#link.drop()
  }

  async #ask(redis: Redis, tip: LogTip, { key, count, blockMs }: StreamRead): Promise<EntryBlock> {
    const connection = await this.#take(redis)
    const { promise, resolve, reject } = Promise.withResolvers<EntryBlock>()
    connection.reading = { reply: new StreamReply(tip, this.#expected, this.#kept.pop()), resolve, reject }
    const late = setTimeout(() => reject(new Error('Command timed out')), COMMAND_TIMEOUT_MS + blockMs)
    const block = blockMs > 0 ? ['BLOCK', String(blockMs)] : []
    const command = ['XREAD', 'COUNT', String(count), ...block, 'STREAMS', key, formatPosition(tip.position)]
    redis.stream.write(
      `*${command.length}\r\n${command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')}`,
    )
    return promise.finally(() => {
      clearTimeout(late)
      connection.reading = undefined
    })
  }

  /** From the first call on, ioredis sees nothing of what comes on the connection but its end. */
  async #take(redis: Redis): Promise<Connection> {
    if (this.#connection?.redis === redis) return this.#connection
    // With its answer all that ioredis has sent by itself is answered.
    await redis.ping()
    const connection: Connection = { redis, reading: undefined }
    this.#connection = connection
    redis.stream.removeAllListeners('data')
    redis.stream.on('data', (chunk: Buffer) => {
      const { reading } = connection
      try {
        if (!reading) throw new Error('Redis sends more than it was asked for')
        const block = reading.reply.add(chunk)
        if (block) reading.resolve(block)
      } catch (error) {
        reading?.reject(error)
        redis.disconnect()
      }
    })
    redis.stream.once('close', () =>
      connection.reading?.reject(new MaksError('REDIS_UNAVAILABLE', 'the connection to Redis was closed')),
    )
    return connection
  }
}
