#!lua
-- Corrects the directory to the rows that the cells hold: each entry that has not changed since it was compared. Appends
-- tombstones for older rows of the id (rule L22).
--
-- KEYS[1]       meta      hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]       gate      hash of the gate: why it is closed, claims, the running repair
-- KEYS[3+2c]    cellMeta  hash of cell c: epoch, token, log tip, trim position
-- KEYS[4+2c]    log       stream of cell c
-- KEYS[2+2C+i]  bucket    of the directory, of correction i, with C cells
--
-- ARGV[1]       cell         of the primary that corrects
-- ARGV[2]       cells        number of cells
-- ARGV[3]       token        lease token of the primary
-- ARGV[4]       timeline     of the rows that were compared
-- ARGV[5]       rows         what the row counter is short of
-- ARGV[6]       redundant    what the counter of redundant rows is short of
-- ARGV[7]       corrections  number of corrections; each has the ARGV below, from b = 8 on
-- ARGV[b]       key          of the id
-- ARGV[b+1]     expected     directory entry that was compared, '' for none
-- ARGV[b+2]     value        correct directory entry, '' to keep it
-- ARGV[b+3]     tombstones   number of cells whose row is older
-- ARGV[b+4...]  cell         one for each tombstone
--
-- Returns one of:
--   OK made*      1 for each correction that was made, 0 if the entry has changed
--   GATE          the gate is closed, or the timeline is another
--   FENCED        another token has the lead of the cell
--   CORRUPT cell  the last id of this cell's stream is not the head in its meta
local me, cells, at, plan, state = num(ARGV[1]), num(ARGV[2]), 8, {}, {}
local m = redis.call('HMGET', KEYS[1], 'inc', 'ver', 'timeline')
if m[1] ~= incarnation() or (m[3] or '0') ~= ARGV[4] then return { 'GATE' } end
if redis.call('HGET', KEYS[3 + 2 * me], 'token') ~= ARGV[3] then return { 'FENCED' } end
for i = 1, num(ARGV[7]) do
  local bucket = KEYS[2 + 2 * cells + i]
  local one = { key = ARGV[at], bucket = bucket, value = ARGV[at + 2], stale = {} }
  one.same = (redis.call('HGET', bucket, one.key) or '') == ARGV[at + 1]
  for j = 1, num(ARGV[at + 3]) do
    local c = num(ARGV[at + 3 + j])
    local s = state[c] or load_cell(KEYS[3 + 2 * c], KEYS[4 + 2 * c])
    if stream_last(s.log) ~= s.head then return { 'CORRUPT', int(c) } end
    state[c] = s
    one.stale[j] = c
  end
  at = at + 4 + #one.stale
  plan[i] = one
end
-- All checks have passed: from here on only writes.
local ver, reply = num(m[2]), { 'OK' }
for i, one in ipairs(plan) do
  reply[i + 1] = one.same and '1' or '0'
  if one.same then
    for _, c in ipairs(one.stale) do
      ver = ver + 1
      append(state[c], 'T', int(ver), int(ver), one.key, '-', '')
    end
    if one.value ~= '' then redis.call('HSET', one.bucket, one.key, one.value) end
  end
end
for _, s in pairs(state) do save_cell(s) end
redis.call('HSET', KEYS[1], 'ver', int(ver))
redis.call('HINCRBY', KEYS[1], 'rows', ARGV[5])
redis.call('HINCRBY', KEYS[1], 'redundant', ARGV[6])
return reply
