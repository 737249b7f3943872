/** The part of fengari that the simulator uses; the package brings no types. Lua's strings are bytes. */
declare module 'fengari' {
  type State = object
  type LuaFunction = (state: State) => number
  export const lua: {
    LUA_REGISTRYINDEX: number
    LUA_OK: number
    LUA_TNIL: number
    LUA_TBOOLEAN: number
    LUA_TNUMBER: number
    LUA_TSTRING: number
    LUA_TTABLE: number
    lua_call(state: State, args: number, results: number): void
    lua_createtable(state: State, array: number, record: number): void
    lua_error(state: State): number
    lua_gettop(state: State): number
    lua_next(state: State, index: number): number
    lua_pcall(state: State, args: number, results: number, handler: number): number
    lua_pop(state: State, count: number): void
    lua_pushboolean(state: State, value: number): void
    lua_pushcfunction(state: State, f: LuaFunction): void
    lua_pushinteger(state: State, value: number): void
    lua_pushlightuserdata(state: State, value: unknown): void
    lua_pushnil(state: State): void
    lua_pushnumber(state: State, value: number): void
    lua_pushstring(state: State, value: Uint8Array): void
    lua_rawgeti(state: State, index: number, at: number): number
    lua_rawlen(state: State, index: number): number
    lua_rawset(state: State, index: number): void
    lua_rawseti(state: State, index: number, at: number): void
    lua_setglobal(state: State, name: Uint8Array): void
    lua_settop(state: State, index: number): void
    lua_toboolean(state: State, index: number): boolean
    lua_tointeger(state: State, index: number): number
    lua_tonumber(state: State, index: number): number
    lua_tostring(state: State, index: number): Uint8Array
    lua_type(state: State, index: number): number
  }
  export const lauxlib: {
    luaL_loadbuffer(state: State, source: Uint8Array, size: number, name: Uint8Array): number
    luaL_newstate(): State
    luaL_ref(state: State, table: number): number
    luaL_tolstring(state: State, index: number): Uint8Array
  }
  export const lualib: { luaL_openlibs(state: State): void }
}
