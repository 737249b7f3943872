#!lua flags=allow-oom
-- The first step of a repair: each log goes on from the copy that was chosen for its cell (rule L21).
-- KEYS meta gate (cellMeta log)* centroids idempotency
-- ARGV token repairMs cells version centroidVersion centroids then for each cell: at hash pod
-- -> OK version rebased cells | GONE
local VERSION_GAP = 1000000
if not repairing(KEYS[2], ARGV[1], ARGV[2]) then return { 'GONE' } end
-- Until the last step, whatever becomes of this pod or of Redis meanwhile, the gate must not open without a repair.
redis.call('HSET', KEYS[1], 'repairing', ARGV[1] .. ' ' .. incarnation())
local cells, rebased = num(ARGV[3]), {}
local m = redis.call('HMGET', KEYS[1], 'ver', 'cv')
-- Above every version that anybody has seen, those of entries that no copy holds included.
local ver, cv = math.max(num(m[1]), num(ARGV[4])) + VERSION_GAP, num(m[2])
local centroids, idempotency = KEYS[3 + 2 * cells], KEYS[4 + 2 * cells]
if num(ARGV[5]) >= cv then
  cv = num(ARGV[5])
  if cv > 0 then redis.call('SET', centroids, ARGV[6]) end
end
-- Records of requests tell of entries that may not be in any chosen copy: the copies say which are still true.
for _, record in ipairs(redis.call('ZRANGE', idempotency, 0, -1)) do redis.call('UNLINK', record) end
redis.call('UNLINK', idempotency)
for c = 0, cells - 1 do
  local s = load_cell(KEYS[3 + 2 * c], KEYS[4 + 2 * c])
  local at, hash, last = ARGV[7 + 3 * c], ARGV[8 + 3 * c], stream_last(s.log)
  local keep = whole(s) and at == s.head and hash == s.hash
  next_epoch(s, num(string.match(last, '^(%d+)')) > num(string.match(at, '^(%d+)')) and last or at)
  if not keep then
    rebased[#rebased + 1] = int(c)
    redis.call('UNLINK', s.log)
    s.seq, s.hash = seq_of(at), hash
  end
  -- What the log does not have by now of versions up to here, it has lost.
  append(s, 'R', int(ver), '0', '', '', '')
  if not keep then
    redis.call('HSET', s.meta, 'trim', at, 'base', at, 'baseHash', hash, 'trimBytes', int(s.bytes), 'trimVersion', '0')
  end
  if cv > 0 then append(s, 'C', int(ver), int(cv), '', '', redis.call('GET', centroids) or '') end
  save_cell(s)
  -- Nobody leads: whoever did has to ask again, and what it still has on its way is refused. The pod whose copy it is holds
  -- the most, and must have spoken before the gate opens another time.
  redis.call('HSET', s.meta, 'token', '', 'holder', ARGV[9 + 3 * c], 'conn', '0', 'batch', '0', 'result', '', 'migrated', '0')
end
redis.call('HSET', KEYS[1], 'ver', int(ver), 'cv', int(cv), 'moving', cv > 0 and int(cells) or '0')
return { 'OK', int(ver), table.concat(rebased, ',') }
