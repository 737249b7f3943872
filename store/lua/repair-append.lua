#!lua flags=allow-oom
-- A step of a repair: entries that make the copies of an id agree. KEYS meta gate (cellMeta log)*
-- ARGV token repairMs cells fixes, then for each: cell type(U, T) key flag userVersion row   -> OK version* | GONE
if not begun(KEYS[1], KEYS[2], ARGV[1], ARGV[2]) then return { 'GONE' } end
local ver, state, reply = num(redis.call('HGET', KEYS[1], 'ver')), {}, { 'OK' }
for i = 0, num(ARGV[4]) - 1 do
  local b = 5 + 6 * i
  local c = num(ARGV[b])
  state[c] = state[c] or load_cell(KEYS[3 + 2 * c], KEYS[4 + 2 * c])
  ver = ver + 1
  append(state[c], ARGV[b + 1], int(ver), ARGV[b + 4] == '' and int(ver) or ARGV[b + 4], ARGV[b + 2], ARGV[b + 3], ARGV[b + 5])
  reply[#reply + 1] = int(ver)
end
for _, s in pairs(state) do save_cell(s) end
redis.call('HSET', KEYS[1], 'ver', int(ver))
return reply
