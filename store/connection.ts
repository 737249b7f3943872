/**
 * Connections to Redis. One client object is one connection: it never reconnects and never resends by itself, since a
 * resent script could run twice (rule L4); whoever holds it makes a new one. Errors become codes of the catalogue, with
 * `notExecuted` where the reply proves it.
 */
import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import type { Durability } from '../core/durability.ts'
import { MaksError } from '../core/errors.ts'

export type { Redis }

const CONNECT_TIMEOUT_MS = 1500
export const COMMAND_TIMEOUT_MS = 5000
export const REDIS_VERSION_MIN = [7, 0] as const

export async function connect(url: string, options: { blockingMs?: number } = {}): Promise<Redis> {
  const client = new Redis(url, {
    lazyConnect: true,
    protocol: 2,
    retryStrategy: null,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS + (options.blockingMs ?? 0),
    keepAlive: 2000,
    enableReadyCheck: true,
  })
  // Failures reach the caller through the promise of each command; an unhandled event would end the process. Only the
  // event says why a connection did not come to be: a name that is not known, a port that nobody listens on.
  let why: Error | undefined
  client.on('error', (error: Error) => {
    why = error
  })
  try {
    await client.connect()
    return client
  } catch (error) {
    client.disconnect()
    // No command was sent on a connection that never came to be.
    throw new MaksError('REDIS_UNAVAILABLE', `Redis cannot be reached: ${(why ?? (error as Error)).message}`, {
      cause: error,
      details: { notExecuted: true },
    })
  }
}

/** Replies that prove that the command was refused before it ran. */
const REFUSED =
  /^(READONLY|LOADING|MASTERDOWN|NOREPLICAS|MISCONF|OOM|CLUSTERDOWN|TRYAGAIN|BUSY|NOAUTH|WRONGPASS|NOPERM|NOSCRIPT)\b/

export function redisError(error: unknown): MaksError {
  if (error instanceof MaksError) return error
  const text = error instanceof Error ? error.message : String(error)
  if (/^OOM\b|used memory > 'maxmemory'/.test(text)) {
    return new MaksError('WAL_FULL', 'Redis has reached its memory limit', {
      cause: error,
      details: { notExecuted: true },
    })
  }
  const notExecuted = REFUSED.test(text) || /isn't writeable/.test(text)
  return new MaksError('REDIS_UNAVAILABLE', `Redis does not answer: ${text}`, {
    cause: error,
    details: { notExecuted },
  })
}

/** Has a replica of Redis all that this very connection has written? Waits for it up to `timeoutMs`. */
export async function isReplicated(client: Redis, timeoutMs: number): Promise<boolean> {
  return (await client.wait(1, timeoutMs)) >= 1
}

/** Throws where the server is too old for the stream commands and script flags that the log needs. */
export async function checkVersion(client: Redis): Promise<void> {
  const info = await client.info('server')
  const version = /redis_version:(\d+)\.(\d+)/.exec(info)
  const [major, minor] = [Number(version?.[1] ?? 0), Number(version?.[2] ?? 0)]
  if (major < REDIS_VERSION_MIN[0] || (major === REDIS_VERSION_MIN[0] && minor < REDIS_VERSION_MIN[1])) {
    throw new MaksError(
      'UNSUPPORTED',
      `Redis ${major}.${minor} is too old: MaksDB needs ${REDIS_VERSION_MIN.join('.')} or newer`,
    )
  }
}

/** Bytes that count against the limit at which Redis refuses writes; a limit of 0 is none. */
export interface RedisMemory {
  used: number
  max: number
}

/** Undefined where INFO is refused. */
export async function readMemory(client: Redis): Promise<RedisMemory | undefined> {
  try {
    const info = await client.info('memory')
    const read = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
    return { used: read('used_memory') - read('mem_not_counted_for_evict'), max: read('maxmemory') }
  } catch {
    return undefined
  }
}

export type Durable = 'yes' | 'no' | 'unknown'

/** Do the settings of Redis carry the durability that was asked for? Unknown where CONFIG is refused. */
export async function checkDurability(client: Redis, level: Durability): Promise<Durable> {
  try {
    const read = async (name: string) => (await client.config('GET', name))[1]
    if ((await read('appendonly')) !== 'yes' || (await read('maxmemory-policy')) !== 'noeviction') return 'no'
    if (level === 'Memory') return 'yes'
    if ((await read('appendfsync')) !== 'always' || (await read('no-appendfsync-on-rewrite')) !== 'no') return 'no'
    if (level !== 'Replicated') return 'yes'
    const replicas = Number(/connected_slaves:(\d+)/.exec(await client.info('replication'))?.[1])
    return Number(await read('min-replicas-to-write')) >= 1 && replicas >= 1 ? 'yes' : 'no'
  } catch {
    return 'unknown'
  }
}

/**
 * A Redis URL whose password stands in a file keeps the secret out of process lists: `redis://host:port?passwordFile=...`.
 * A `file:` URL names a file that holds the whole URL.
 */
export function resolveUrl(url: string): string {
  const parsed = new URL(url)
  if (parsed.protocol === 'file:') return readFileSync(parsed, 'utf8').trim()
  const file = parsed.searchParams.get('passwordFile')
  if (file === null) return url
  parsed.password = readFileSync(file, 'utf8').trim()
  parsed.searchParams.delete('passwordFile')
  return parsed.toString()
}
