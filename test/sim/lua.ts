/**
 * The real scripts in a Lua of our own process: `redis.call`, `cjson` and `sha1hex` as Redis offers them. The Lua is the C
 * program itself, compiled to WebAssembly, of version 5.4 where Redis has 5.1; what the scripts use is the same in both.
 */
import { createHash } from 'node:crypto'
import { LUA_REGISTRYINDEX, LuaType, LuaWasm } from 'wasmoon'

/** Text with one character for each byte, which is what Lua and Redis know. */
export type Bytes = string
/** What a command answers: null for nothing. */
export type Reply = Bytes | number | null | Reply[]
export type Call = (command: string, args: Bytes[]) => Reply

/** The C functions as they are: those of the package take and give UTF-8, and the rows are none. */
interface LuaC {
  HEAPU8: Uint8Array
  HEAPU32: Uint32Array
  addFunction(f: (L: number) => number, signature: 'ii'): number
  _malloc(size: number): number
  _luaL_loadbufferx(L: number, text: number, length: number, name: number, mode: number): number
  _luaL_newstate(): number
  _luaL_openlibs(L: number): void
  _luaL_ref(L: number, table: number): number
  _lua_callk(L: number, args: number, results: number, context: number, k: number): void
  _lua_createtable(L: number, array: number, record: number): void
  _lua_error(L: number): number
  _lua_gettop(L: number): number
  _lua_next(L: number, index: number): number
  _lua_pcallk(L: number, args: number, results: number, handler: number, context: number, k: number): number
  _lua_pushboolean(L: number, value: number): void
  _lua_pushcclosure(L: number, f: number, upvalues: number): void
  _lua_pushinteger(L: number, value: bigint): void
  _lua_pushlightuserdata(L: number, pointer: number): void
  _lua_pushlstring(L: number, text: number, length: number): number
  _lua_pushnil(L: number): void
  _lua_pushnumber(L: number, value: number): void
  _lua_rawgeti(L: number, index: number, at: bigint): LuaType
  _lua_rawlen(L: number, index: number): number
  _lua_rawset(L: number, index: number): void
  _lua_rawseti(L: number, index: number, at: bigint): void
  _lua_setglobal(L: number, name: number): void
  _lua_settop(L: number, index: number): void
  _lua_toboolean(L: number, index: number): number
  _lua_tolstring(L: number, index: number, length: number): number
  _lua_tonumberx(L: number, index: number, isNumber: number): number
  _lua_type(L: number, index: number): LuaType
}

const c = (await LuaWasm.initialize()).module as unknown as LuaC
const NULL = 0
const LENGTH = c._malloc(8)
let scratch = { at: c._malloc(4096), size: 4096 }
let heap = Buffer.from(c.HEAPU8.buffer)

/** The memory of the program, which moves when it grows. */
function memory(): Buffer {
  if (heap.buffer !== c.HEAPU8.buffer) heap = Buffer.from(c.HEAPU8.buffer)
  return heap
}

/** Where the text lies until the next one is written, with a zero at its end. */
function written(text: Bytes): number {
  if (text.length >= scratch.size) scratch = { at: c._malloc(2 * text.length), size: 2 * text.length }
  memory().write(text, scratch.at, 'latin1')
  memory()[scratch.at + text.length] = 0
  return scratch.at
}

export class Lua {
  readonly #state = c._luaL_newstate()
  readonly #scripts = new Map<string, bigint>()
  #call: Call = () => null

  constructor() {
    c._luaL_openlibs(this.#state)
    this.#table('redis', {
      call: () => this.#redisCall(),
      sha1hex: () => this.#push(createHash('sha1').update(this.#text(1), 'latin1').digest('hex')),
    })
    this.#table('cjson', {
      encode: () => this.#push(JSON.stringify(this.#toJson(1))),
      decode: () => this.#pushJson(JSON.parse(this.#text(1)) as unknown),
    })
  }

  /** Runs a script; equal sources are compiled once. Its first line, the flags, is none of Lua. */
  run(source: string, keys: readonly Bytes[], args: readonly Bytes[], call: Call): Reply {
    const L = this.#state
    this.#call = call
    c._lua_rawgeti(L, LUA_REGISTRYINDEX, this.#compiled(source))
    this.#pushList(keys)
    this.#pushList(args)
    const failed = c._lua_pcallk(L, 2, 1, 0, 0, NULL) !== 0
    const reply = this.#take(-1)
    c._lua_settop(L, 0)
    if (failed) throw new Error(String(reply))
    return reply
  }

  #compiled(source: string): bigint {
    const known = this.#scripts.get(source)
    if (known !== undefined) return known
    const L = this.#state
    const chunk = `return function(KEYS, ARGV)${source.slice(source.indexOf('\n'))}\nend`
    const text = Buffer.from(chunk).toString('latin1')
    const at = written(text)
    if (c._luaL_loadbufferx(L, at, text.length, at, NULL) !== 0) throw new Error(this.#text(-1))
    c._lua_callk(L, 0, 1, 0, NULL)
    const ref = BigInt(c._luaL_ref(L, LUA_REGISTRYINDEX))
    this.#scripts.set(source, ref)
    return ref
  }

  #table(name: string, functions: Record<string, () => void>): void {
    const L = this.#state
    c._lua_createtable(L, 0, 4)
    for (const [key, f] of Object.entries(functions)) {
      this.#push(key)
      c._lua_pushcclosure(
        L,
        c.addFunction(() => this.#answered(f), 'ii'),
        0,
      )
      c._lua_rawset(L, -3)
    }
    this.#push('null')
    c._lua_pushlightuserdata(L, NULL)
    c._lua_rawset(L, -3)
    c._lua_setglobal(L, written(name))
  }

  /** One result on the stack, or Lua's way to fail, which does not return. */
  #answered(f: () => void): number {
    try {
      f()
      return 1
    } catch (error) {
      this.#push((error as Error).message)
    }
    return c._lua_error(this.#state)
  }

  #redisCall(): void {
    const args = Array.from({ length: c._lua_gettop(this.#state) }, (_, i) => this.#text(i + 1))
    this.#push(this.#call((args[0] as string).toUpperCase(), args.slice(1)))
  }

  /** Redis takes numbers as text with as many digits as they need. */
  #text(index: number): Bytes {
    if (c._lua_type(this.#state, index) === LuaType.Number) return String(c._lua_tonumberx(this.#state, index, NULL))
    const at = c._lua_tolstring(this.#state, index, LENGTH)
    return memory().toString('latin1', at, at + (c.HEAPU32[LENGTH >>> 2] as number))
  }

  #push(value: Reply): void {
    const L = this.#state
    if (value === null) c._lua_pushboolean(L, 0)
    else if (typeof value === 'number') c._lua_pushinteger(L, BigInt(value))
    else if (typeof value === 'string') c._lua_pushlstring(L, written(value), value.length)
    else this.#pushList(value)
  }

  #pushList(values: readonly Reply[]): void {
    const L = this.#state
    c._lua_createtable(L, values.length, 0)
    values.forEach((value, i) => {
      this.#push(value)
      c._lua_rawseti(L, -2, BigInt(i + 1))
    })
  }

  /** A reply ends at its first nil, as in Redis. */
  #take(index: number): Reply {
    const L = this.#state
    const type = c._lua_type(L, index)
    if (type === LuaType.String) return this.#text(index)
    if (type === LuaType.Number) return Math.trunc(c._lua_tonumberx(L, index, NULL))
    if (type === LuaType.Boolean) return c._lua_toboolean(L, index) ? 1 : null
    if (type !== LuaType.Table) return null
    const list: Reply[] = []
    for (let i = 1; ; i++) {
      const ended = c._lua_rawgeti(L, index, BigInt(i)) === LuaType.Nil
      if (!ended) list.push(this.#take(-1))
      c._lua_settop(L, -2)
      if (ended) return list
    }
  }

  #toJson(index: number): unknown {
    const L = this.#state
    const type = c._lua_type(L, index)
    if (type === LuaType.String) return this.#text(index)
    if (type === LuaType.Number) return c._lua_tonumberx(L, index, NULL)
    if (type === LuaType.Boolean) return c._lua_toboolean(L, index) !== 0
    if (type !== LuaType.Table) return null
    if (c._lua_rawlen(L, index) > 0) return this.#take(index)
    const object: Record<string, unknown> = {}
    const table = index < 0 ? index - 1 : index
    c._lua_pushnil(L)
    while (c._lua_next(L, table) !== 0) {
      object[this.#text(-2)] = this.#toJson(-1)
      c._lua_settop(L, -2)
    }
    return object
  }

  #pushJson(value: unknown): void {
    const L = this.#state
    if (value === null) c._lua_pushlightuserdata(L, NULL)
    else if (typeof value === 'string') this.#push(value)
    else if (typeof value === 'number')
      if (Number.isInteger(value)) this.#push(value)
      else c._lua_pushnumber(L, value)
    else if (typeof value === 'boolean') c._lua_pushboolean(L, value ? 1 : 0)
    else {
      const entries = Array.isArray(value) ? value.entries() : Object.entries(value as object)
      c._lua_createtable(L, 0, 8)
      for (const [key, item] of entries) {
        this.#push(typeof key === 'number' ? key + 1 : key)
        this.#pushJson(item)
        c._lua_rawset(L, -3)
      }
    }
  }
}
