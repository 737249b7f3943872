#!lua flags=allow-oom
-- A pod says how far its copy of a cell reaches; the gate of this incarnation opens when the log has it all (rules L13-L15).
-- KEYS meta gate (cellMeta log)*   ARGV pod cell position hash knownPods cells windowMs
-- -> OPEN | WAIT claims | FORK | REGRESSED why
local inc, cell, cells = incarnation(), num(ARGV[2]), num(ARGV[6])
if redis.call('HGET', KEYS[2], 'inc') ~= inc then
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2], 'inc', inc, 'first', int(now_ms()))
end
local m = redis.call('HMGET', KEYS[1], 'inc', 'ver')
local g = redis.call('HMGET', KEYS[2], 'accepted', 'regressed', 'first')
local s = load_cell(KEYS[3 + 2 * cell], KEYS[4 + 2 * cell])
local fits = true
if m[2] then fits = stream_last(s.log) == s.head and seq_of(ARGV[3]) <= s.seq and holds(s, ARGV[3], ARGV[4])
elseif ARGV[3] ~= '0-0' then fits = false end
if not fits then
  if g[1] == inc then return { 'FORK' } end
  local why = 'pod ' .. ARGV[1] .. ' holds ' .. ARGV[3] .. ', the log of cell ' .. ARGV[2] .. ' ends at ' .. s.head
  redis.call('HSET', KEYS[2], 'regressed', why)
  redis.call('HDEL', KEYS[1], 'inc')
  return { 'REGRESSED', why }
end
redis.call('HSET', KEYS[2], 'p:' .. ARGV[1], ARGV[3])
if g[2] then return { 'REGRESSED', g[2] } end
if m[1] == inc then return { 'OPEN' } end
local claimed, count = {}, 0
local all = redis.call('HGETALL', KEYS[2])
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 2) == 'p:' then claimed[string.sub(all[i], 3)] = true; count = count + 1 end
end
local everyone = count >= num(ARGV[5])
if not m[2] then
  if not everyone then return { 'WAIT', int(count) } end
  create(KEYS[1], KEYS, cells)
else
  local leaders = now_ms() - num(g[3]) >= num(ARGV[7])
  for c = 0, cells - 1 do
    local holder = redis.call('HGET', KEYS[3 + 2 * c], 'holder')
    if holder and not claimed[holder] then leaders = false end
  end
  if not (everyone or leaders) then return { 'WAIT', int(count) } end
end
redis.call('HSET', KEYS[1], 'inc', inc)
return { 'OPEN' }
