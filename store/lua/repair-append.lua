#!lua flags=allow-oom
-- A step of a repair: appends entries that make the rows of an id agree (rule L21).
--
-- KEYS[1]     meta      hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]     gate      hash of the gate: why it is closed, claims, the running repair
-- KEYS[3+2c]  cellMeta  hash of cell c: epoch, token, log tip, trim position
-- KEYS[4+2c]  log       stream of cell c
--
-- ARGV[1]    token        of the repair
-- ARGV[2]    repairMs     after which another pod may begin the repair again, ms
-- ARGV[3]    cells        number of cells
-- ARGV[4]    fixes        number of fixes; each has six ARGV, from b = 5+6i on
-- ARGV[b]    cell         whose log gets the entry
-- ARGV[b+1]  type         U row, T tombstone
-- ARGV[b+2]  key          of the id
-- ARGV[b+3]  flag         of the entry
-- ARGV[b+4]  userVersion  '' for the entry's own version
-- ARGV[b+5]  row          encoded row, '' for T
--
-- Returns one of:
--   OK version*  ordering version of each entry
--   GONE         another pod repairs, or Redis is another incarnation
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
