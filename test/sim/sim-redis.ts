/**
 * Redis for the simulation: as many commands as the scripts and MaksDB's own reads use, on maps, with a clock that the
 * simulation turns. The scripts are the real ones. `sim-redis.test.ts` holds it against a real server.
 */
import { createHash } from 'node:crypto'
import type { Redis } from '../../store/connection.ts'
import { SCRIPTS, type ScriptName, scriptSource } from '../../store/scripts.ts'
import { type Bytes, Lua, type Reply } from './lua.ts'

interface Stream {
  kind: 'stream'
  last: string
  entries: [id: string, fields: Bytes[]][]
}
type Value =
  | { kind: 'string'; text: Bytes; expires: number }
  | { kind: 'hash'; fields: Map<Bytes, Bytes>; expires: number }
  | { kind: 'zset'; scores: Map<Bytes, number> }
  | Stream

/** 32-bit integers do not hold them: positions are compared as pairs of numbers. */
function below(a: string, b: string): boolean {
  const [ea, sa] = a.split('-').map(Number) as [number, number]
  const [eb, sb] = b.split('-').map(Number) as [number, number]
  return ea < eb || (ea === eb && sa < sb)
}

const toBytes = (value: unknown): Bytes =>
  Buffer.isBuffer(value) ? value.toString('latin1') : Buffer.from(String(value)).toString('latin1')
const fromBytes = (value: Reply): unknown =>
  typeof value === 'string'
    ? Buffer.from(value, 'latin1').toString()
    : Array.isArray(value)
      ? value.map(fromBytes)
      : value

const digestOf = (name: ScriptName) => createHash('sha1').update(scriptSource(name)).digest('hex')
const REAL = new Map(SCRIPTS.map((name) => [digestOf(name), scriptSource(name)]))

/** One Lua for all simulations: scripts keep nothing between their runs. */
const LUA = new Lua()

export class SimRedis {
  now = 1_800_000_000_000
  #values = new Map<Bytes, Value>()
  #run = 1
  /** Sources by the digest of the real ones. */
  readonly #scripts: ReadonlyMap<string, string>

  /** @param mutants sources that take the place of the real ones, by name */
  constructor(mutants: Readonly<Record<string, string>> = {}) {
    this.#scripts =
      Object.keys(mutants).length === 0
        ? REAL
        : new Map(SCRIPTS.map((name) => [digestOf(name), mutants[name] ?? scriptSource(name)]))
  }

  /** What MaksDB calls of a client. */
  get client(): Redis {
    const call = (command: string, ...args: unknown[]) => this.#command(command, args.map(toBytes))
    return {
      evalsha: async (digest: string, count: number, ...rest: unknown[]) => {
        const values = rest.map(toBytes)
        const source = this.#scripts.get(digest) as string
        const reply = LUA.run(source, values.slice(0, count), values.slice(count), (command, args) =>
          this.#command(command, args),
        )
        return fromBytes(reply)
      },
      del: async (key: string) => call('DEL', key),
      get: async (key: string) => fromBytes(call('GET', key)),
      info: async (section: string) => call('INFO', section),
      hget: async (key: string, field: string) => fromBytes(call('HGET', key, field)),
      hgetall: async (key: string) => {
        const all = fromBytes(call('HGETALL', key)) as string[]
        return Object.fromEntries(all.flatMap((name, i) => (i % 2 === 0 ? [[name, all[i + 1]]] : [])))
      },
      getBuffer: async (key: string) => {
        const value = call('GET', key)
        return value === null ? null : Buffer.from(value as string, 'latin1')
      },
      callBuffer: async (_xread: string, ...args: unknown[]) => this.#read(args.map(String)),
    } as unknown as Redis
  }

  /** The same data under another incarnation: a restart. */
  restart(): void {
    this.#run++
  }

  copy(): Map<Bytes, Value> {
    return new Map([...this.#values].map(([key, value]) => [key, copyOf(value)]))
  }

  /** Older data in the place of the present ones. */
  restore(values: Map<Bytes, Value>): void {
    this.#values = new Map([...values].map(([key, value]) => [key, copyOf(value)]))
    this.#run++
  }

  flush(): void {
    this.#values.clear()
  }

  delete(key: string): void {
    this.#values.delete(toBytes(key))
  }

  /** All that is kept, to be compared. */
  dump(): Record<string, unknown> {
    return Object.fromEntries(
      [...this.#values.keys()].sort().map((key) => {
        const value = this.#live(key)
        if (value?.kind === 'hash')
          return [key, Object.fromEntries([...value.fields].sort(([a], [b]) => (a < b ? -1 : 1)))]
        if (value?.kind === 'string') return [key, value.text]
        if (value?.kind === 'zset') return [key, [...value.scores.keys()].sort()]
        return [key, value?.entries]
      }),
    )
  }

  #live(key: Bytes): Value | undefined {
    const value = this.#values.get(key)
    if (value && 'expires' in value && value.expires <= this.now) {
      this.#values.delete(key)
      return undefined
    }
    return value
  }

  #hash(key: Bytes): Map<Bytes, Bytes> | undefined {
    const value = this.#live(key)
    if (value && value.kind !== 'hash') throw new Error('WRONGTYPE')
    return value?.fields
  }

  #stream(key: Bytes): Stream | undefined {
    const value = this.#live(key)
    if (value && value.kind !== 'stream') throw new Error('WRONGTYPE')
    return value
  }

  #scores(key: Bytes): Map<Bytes, number> {
    const value = this.#live(key) ?? { kind: 'zset', scores: new Map() }
    if (value.kind !== 'zset') throw new Error('WRONGTYPE')
    return value.scores
  }

  #command(command: string, args: Bytes[]): Reply {
    const handler = this.#handlers[command]
    if (!handler) throw new Error(`ERR unknown command ${command}`)
    return handler(args)
  }

  readonly #handlers: Record<string, (args: Bytes[]) => Reply> = {
    INFO: () => `run_id:${'a'.repeat(30)}${String(this.#run).padStart(10, '0')}\r\nmaster_replid:${'b'.repeat(40)}\r\n`,
    TIME: () => [String(Math.floor(this.now / 1000)), String((this.now % 1000) * 1000)],
    EXISTS: (keys) => keys.filter((key) => this.#live(key)).length,
    DEL: ([key = '']) => (this.#live(key) && this.#values.delete(key) ? 1 : 0),
    UNLINK: ([key = '']) => (this.#live(key) && this.#values.delete(key) ? 1 : 0),
    GET: ([key = '']) => {
      const value = this.#live(key)
      return value?.kind === 'string' ? value.text : null
    },
    SET: ([key = '', text = '', , ttl]) => {
      const expires = ttl === undefined ? Number.POSITIVE_INFINITY : this.now + Number(ttl)
      this.#values.set(key, { kind: 'string', text, expires })
      return 'OK'
    },
    PTTL: ([key = '']) => {
      const value = this.#live(key)
      return value && 'expires' in value ? value.expires - this.now : -2
    },
    PEXPIRE: ([key = '', ttl]) => {
      const value = this.#live(key)
      if (value && 'expires' in value) value.expires = this.now + Number(ttl)
      return value ? 1 : 0
    },
    PEXPIREAT: ([key = '', time]) => {
      const value = this.#live(key)
      if (value && 'expires' in value) value.expires = Number(time)
      return value ? 1 : 0
    },
    HGET: ([key = '', field = '']) => this.#hash(key)?.get(field) ?? null,
    HMGET: ([key = '', ...fields]) => fields.map((field) => this.#hash(key)?.get(field) ?? null),
    HGETALL: ([key = '']) => [...(this.#hash(key) ?? [])].flat(),
    HSET: ([key = '', ...pairs]) => {
      const fields = this.#hash(key) ?? new Map<Bytes, Bytes>()
      if (!this.#live(key)) this.#values.set(key, { kind: 'hash', fields, expires: Number.POSITIVE_INFINITY })
      for (let i = 0; i < pairs.length; i += 2) fields.set(pairs[i] as Bytes, pairs[i + 1] as Bytes)
      return pairs.length / 2
    },
    HSETNX: ([key = '', field = '', text = '']) => {
      if (this.#hash(key)?.has(field)) return 0
      return this.#command('HSET', [key, field, text])
    },
    HDEL: ([key = '', ...fields]) => {
      const hash = this.#hash(key)
      const removed = fields.filter((field) => hash?.delete(field)).length
      if (hash?.size === 0) this.#values.delete(key)
      return removed
    },
    HINCRBY: ([key = '', field = '', by]) => {
      const value = Number(this.#hash(key)?.get(field) ?? 0) + Number(by)
      this.#command('HSET', [key, field, String(value)])
      return value
    },
    ZADD: ([key = '', score, member = '']) => {
      const scores = this.#scores(key)
      const fresh = scores.has(member) ? 0 : 1
      this.#values.set(key, { kind: 'zset', scores: scores.set(member, Number(score)) })
      return fresh
    },
    ZCOUNT: ([key = '', from, to]) => {
      const [low, high] = [Number(from), to === '+inf' ? Number.POSITIVE_INFINITY : Number(to)]
      return [...this.#scores(key).values()].filter((score) => score >= low && score <= high).length
    },
    ZSCORE: ([key = '', member = '']) => {
      const score = this.#scores(key).get(member)
      return score === undefined ? null : String(score)
    },
    ZRANGE: ([key = '']) =>
      [...this.#scores(key)].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1)).map(([member]) => member),
    ZREMRANGEBYSCORE: ([key = '', , to]) => {
      const scores = this.#scores(key)
      const old = [...scores].filter(([, score]) => score <= Number(to))
      for (const [member] of old) scores.delete(member)
      if (scores.size === 0) this.#values.delete(key)
      return old.length
    },
    XADD: ([key = '', id = '', ...fields]) => {
      const stream = this.#stream(key) ?? { kind: 'stream', last: '0-0', entries: [] }
      if (!below(stream.last, id)) throw new Error('ERR The ID specified in XADD is equal or smaller')
      stream.entries.push([id, fields])
      stream.last = id
      this.#values.set(key, stream)
      return id
    },
    XRANGE: ([key = '', from = '', to = '']) =>
      (this.#stream(key)?.entries ?? []).filter(([id]) =>
        from === to ? id === from : !below(id, from) && !below(to, id),
      ),
    XINFO: ([, key = '']) => {
      const stream = this.#stream(key)
      if (!stream) throw new Error('ERR no such key')
      return [
        'length',
        stream.entries.length,
        'last-generated-id',
        stream.last,
        'first-entry',
        // Of the first entry nobody looks at more than the id.
        stream.entries[0] ? [stream.entries[0][0]] : null,
      ]
    },
    XTRIM: ([key = '', , floor = '']) => {
      const stream = this.#stream(key)
      const before = stream?.entries.length ?? 0
      if (stream) stream.entries = stream.entries.filter(([id]) => !below(id, floor))
      return before - (stream?.entries.length ?? 0)
    },
  }

  /** XREAD COUNT n [BLOCK ms] STREAMS key after */
  #read(args: readonly string[]): [Buffer, [Buffer, Buffer[]][]][] | null {
    const at = args.indexOf('STREAMS')
    const [key = '', after = ''] = args.slice(at + 1)
    const bytes = (text: Bytes) => Buffer.from(text, 'latin1')
    const entries = (this.#stream(toBytes(key))?.entries ?? [])
      .filter(([id]) => below(after, id))
      .slice(0, Number(args[1]))
      .map(([id, fields]): [Buffer, Buffer[]] => [bytes(id), fields.map(bytes)])
    return entries.length === 0 ? null : [[bytes(toBytes(key)), entries]]
  }
}

function copyOf(value: Value): Value {
  if (value.kind === 'hash') return { ...value, fields: new Map(value.fields) }
  if (value.kind === 'zset') return { ...value, scores: new Map(value.scores) }
  if (value.kind === 'stream') return { ...value, entries: [...value.entries] }
  return { ...value }
}
