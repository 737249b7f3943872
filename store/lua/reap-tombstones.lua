#!lua flags=allow-oom
-- Drops markers of deleted ids that no log and no snapshot can contradict any more: their version is below the trim
-- point of every cell. KEYS meta gate (cellMeta log)* bucket   ARGV cells   -> OK removed
local cells = num(ARGV[1])
local safe
for c = 0, cells - 1 do
  local v = num(redis.call('HGET', KEYS[3 + 2 * c], 'trimVersion'))
  if not safe or v < safe then safe = v end
end
local bucket, removed = KEYS[3 + 2 * cells], 0
if safe == 0 then return { 'OK', '0' } end
local all = redis.call('HGETALL', bucket)
for i = 1, #all, 2 do
  local v = string.match(all[i + 1], '^%-|.*|(%d+)$')
  if v and num(v) < safe then redis.call('HDEL', bucket, all[i]); removed = removed + 1 end
end
return { 'OK', int(removed) }
