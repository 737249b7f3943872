#!lua
-- Makes the directory say what the cells hold, for each id of which it still says what was compared with them, and lets
-- cells drop older rows of the id (rule L22).
-- KEYS meta gate (cellMeta log)* bucket*, one for each id
-- ARGV cell cells token timeline(of what was compared) rows redundant(what the counters are short of) ids,
--      then for each: key expected value('' stays) tombstones cell*   expected: '' none
-- -> OK (1 | 0: changed meanwhile)* | GATE | FENCED | CORRUPT cell
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
-- Every check is behind us: from here on only writes.
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
