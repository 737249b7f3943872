/** The real scripts in a Lua of our own process: `redis.call`, `cjson` and `sha1hex` as Redis offers them. */
import { createHash } from 'node:crypto'
import { lauxlib, lua, lualib } from 'fengari'

/** Text with one character for each byte, which is what Lua and Redis know. */
export type Bytes = string
/** What a command answers: null for nothing. */
export type Reply = Bytes | number | null | Reply[]
export type Call = (command: string, args: Bytes[]) => Reply

const bytes = (text: Bytes) => Buffer.from(text, 'latin1')
const text = (value: Uint8Array): Bytes => Buffer.from(value).toString('latin1')
const NULL = {}

function numberOf(L: object, index: number): number | undefined {
  const type = lua.lua_type(L, index)
  if (type === lua.LUA_TNUMBER) return lua.lua_tonumber(L, index)
  const value = type === lua.LUA_TSTRING ? text(lua.lua_tostring(L, index)).trim() : ''
  return value === '' || Number.isNaN(Number(value)) ? undefined : Number(value)
}

/** Redis takes numbers as text with as many digits as they need. */
function argumentOf(L: object, index: number): Bytes {
  return lua.lua_type(L, index) === lua.LUA_TNUMBER
    ? String(lua.lua_tonumber(L, index))
    : text(lua.lua_tostring(L, index))
}

export class Lua {
  readonly #state = lauxlib.luaL_newstate()
  readonly #scripts = new Map<string, number>()
  #call: Call = () => null

  constructor() {
    lualib.luaL_openlibs(this.#state)
    this.#table('redis', {
      call: (L) => this.#redisCall(L),
      sha1hex: (L) => {
        lua.lua_pushstring(L, bytes(createHash('sha1').update(lua.lua_tostring(L, 1)).digest('hex')))
        return 1
      },
    })
    // Numbers of Redis' Lua are doubles; here whole numbers would have 32 bits.
    lua.lua_pushcfunction(this.#state, (L) => {
      const value = numberOf(L, 1)
      if (value === undefined) lua.lua_pushnil(L)
      else lua.lua_pushnumber(L, value)
      return 1
    })
    lua.lua_setglobal(this.#state, bytes('tonumber'))
    this.#table('cjson', {
      encode: (L) => {
        lua.lua_pushstring(L, bytes(JSON.stringify(this.#toJson(1))))
        return 1
      },
      decode: (L) => {
        this.#pushJson(JSON.parse(text(lua.lua_tostring(L, 1))) as unknown)
        return 1
      },
    })
  }

  /** Runs a script; equal sources are compiled once. Its first line, the flags, is none of Lua. */
  run(source: string, keys: readonly Bytes[], args: readonly Bytes[], call: Call): Reply {
    const L = this.#state
    this.#call = call
    lua.lua_rawgeti(L, lua.LUA_REGISTRYINDEX, this.#compiled(source))
    this.#pushList(keys)
    this.#pushList(args)
    if (lua.lua_pcall(L, 2, 1, 0) !== lua.LUA_OK) {
      const message = text(lauxlib.luaL_tolstring(L, -1))
      lua.lua_settop(L, 0)
      throw new Error(message)
    }
    const reply = this.#take(-1)
    lua.lua_settop(L, 0)
    return reply
  }

  #compiled(source: string): number {
    const known = this.#scripts.get(source)
    if (known !== undefined) return known
    const L = this.#state
    const chunk = bytes(`return function(KEYS, ARGV)${source.slice(source.indexOf('\n'))}\nend`)
    if (lauxlib.luaL_loadbuffer(L, chunk, chunk.length, bytes('script')) !== lua.LUA_OK)
      throw new Error(text(lauxlib.luaL_tolstring(L, -1)))
    lua.lua_call(L, 0, 1)
    const ref = lauxlib.luaL_ref(L, lua.LUA_REGISTRYINDEX)
    this.#scripts.set(source, ref)
    return ref
  }

  #table(name: string, functions: Record<string, (L: object) => number>): void {
    const L = this.#state
    lua.lua_createtable(L, 0, 4)
    for (const [key, f] of Object.entries(functions)) {
      lua.lua_pushstring(L, bytes(key))
      lua.lua_pushcfunction(L, f)
      lua.lua_rawset(L, -3)
    }
    lua.lua_pushstring(L, bytes('null'))
    lua.lua_pushlightuserdata(L, NULL)
    lua.lua_rawset(L, -3)
    lua.lua_setglobal(L, bytes(name))
  }

  #redisCall(L: object): number {
    const args = Array.from({ length: lua.lua_gettop(L) }, (_, i) => argumentOf(L, i + 1))
    try {
      this.#push(this.#call((args[0] as string).toUpperCase(), args.slice(1)))
      return 1
    } catch (error) {
      lua.lua_pushstring(L, bytes((error as Error).message))
      return lua.lua_error(L)
    }
  }

  #push(value: Reply): void {
    const L = this.#state
    if (value === null) lua.lua_pushboolean(L, 0)
    else if (typeof value === 'number') lua.lua_pushinteger(L, value)
    else if (typeof value === 'string') lua.lua_pushstring(L, bytes(value))
    else this.#pushList(value)
  }

  #pushList(values: readonly Reply[]): void {
    const L = this.#state
    lua.lua_createtable(L, values.length, 0)
    values.forEach((value, i) => {
      this.#push(value)
      lua.lua_rawseti(L, -2, i + 1)
    })
  }

  /** A reply ends at its first nil, as in Redis. */
  #take(index: number): Reply {
    const L = this.#state
    const type = lua.lua_type(L, index)
    if (type === lua.LUA_TSTRING) return text(lua.lua_tostring(L, index))
    if (type === lua.LUA_TNUMBER) return Math.trunc(lua.lua_tonumber(L, index))
    if (type === lua.LUA_TBOOLEAN) return lua.lua_toboolean(L, index) ? 1 : null
    if (type !== lua.LUA_TTABLE) return null
    const list: Reply[] = []
    for (let i = 1; ; i++) {
      lua.lua_rawgeti(L, index, i)
      const ended = lua.lua_type(L, -1) === lua.LUA_TNIL
      if (!ended) list.push(this.#take(-1))
      lua.lua_pop(L, 1)
      if (ended) return list
    }
  }

  #toJson(index: number): unknown {
    const L = this.#state
    const type = lua.lua_type(L, index)
    if (type === lua.LUA_TSTRING) return text(lua.lua_tostring(L, index))
    if (type === lua.LUA_TNUMBER) return lua.lua_tonumber(L, index)
    if (type === lua.LUA_TBOOLEAN) return lua.lua_toboolean(L, index)
    if (type !== lua.LUA_TTABLE) return null
    const object: Record<string, unknown> = {}
    lua.lua_pushnil(L)
    const table = index < 0 ? index - 1 : index
    while (lua.lua_next(L, table) !== 0) {
      object[text(lua.lua_tostring(L, -2))] = this.#toJson(-1)
      lua.lua_pop(L, 1)
    }
    return object
  }

  #pushJson(value: unknown): void {
    const L = this.#state
    if (value === null) lua.lua_pushlightuserdata(L, NULL)
    else if (typeof value === 'string') lua.lua_pushstring(L, bytes(value))
    else if (typeof value === 'number')
      if (Number.isInteger(value) && Math.abs(value) < 2 ** 31) lua.lua_pushinteger(L, value)
      else lua.lua_pushnumber(L, value)
    else if (typeof value === 'boolean') lua.lua_pushboolean(L, value ? 1 : 0)
    else {
      const entries = Array.isArray(value) ? value.entries() : Object.entries(value as object)
      lua.lua_createtable(L, 0, 8)
      for (const [key, item] of entries) {
        if (typeof key === 'number') lua.lua_pushinteger(L, key + 1)
        else lua.lua_pushstring(L, bytes(key))
        this.#pushJson(item)
        lua.lua_rawset(L, -3)
      }
    }
  }
}
