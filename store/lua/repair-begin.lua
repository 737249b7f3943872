#!lua flags=allow-oom
-- The first step of a repair: each log continues from the replica state that was chosen for its cell (rule L21).
--
-- KEYS[1]     meta         hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]     gate         hash of the gate: why it is closed, claims, the running repair
-- KEYS[3+2c]  cellMeta     hash of cell c: epoch, token, log tip, trim position
-- KEYS[4+2c]  log          stream of cell c
-- KEYS[3+2C]  centroids    bytes of the published centroids, with C cells
-- KEYS[4+2C]  idempotency  sorted set of the idempotency records
--
-- ARGV[1]     token            of the repair
-- ARGV[2]     repairMs         after which another pod may begin the repair again, ms
-- ARGV[3]     cells            number of cells
-- ARGV[4]     version          highest ordering version of any replica state
-- ARGV[5]     centroidVersion  of the centroids that the pods hold
-- ARGV[6]     centroids        bytes of those centroids
-- ARGV[7+3c]  at               position of the replica state chosen for cell c
-- ARGV[8+3c]  hash             of the entry at that position
-- ARGV[9+3c]  pod              that holds the replica state
--
-- Returns one of:
--   OK version cells  first ordering version of the repair; cells whose log was replaced, by ','
--   GONE              another pod repairs, or Redis is another incarnation
local VERSION_GAP = 1000000
if not repairing(KEYS[2], ARGV[1], ARGV[2]) then return { 'GONE' } end
-- Until the last step the gate must not open without a repair, even if this pod or Redis ends meanwhile.
redis.call('HSET', KEYS[1], 'repairing', ARGV[1] .. ' ' .. incarnation())
local cells, rebased = num(ARGV[3]), {}
local m = redis.call('HMGET', KEYS[1], 'ver', 'cv')
-- Above every version that any reader has seen, those of entries that no replica state holds included.
local ver, cv = math.max(num(m[1]), num(ARGV[4])) + VERSION_GAP, num(m[2])
local centroids, idempotency = KEYS[3 + 2 * cells], KEYS[4 + 2 * cells]
if num(ARGV[5]) >= cv then
  cv = num(ARGV[5])
  if cv > 0 then redis.call('SET', centroids, ARGV[6]) end
end
-- Idempotency records may be of entries that no chosen replica state has: repair-idempotency.lua writes those that hold.
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
  -- Versions up to here that the log does not have are a hole.
  append(s, 'R', int(ver), '0', '', '', '')
  if not keep then
    redis.call('HSET', s.meta, 'trim', at, 'base', at, 'baseHash', hash, 'trimBytes', int(s.bytes), 'trimVersion', '0')
  end
  if cv > 0 then append(s, 'C', int(ver), int(cv), '', '', redis.call('GET', centroids) or '') end
  save_cell(s)
  -- No pod leads: a former primary must acquire the lead again, and its commits in flight are refused. The chosen pod holds
  -- the most, and must have claimed before the gate opens another time.
  redis.call('HSET', s.meta, 'token', '', 'holder', ARGV[9 + 3 * c], 'conn', '0', 'batch', '0', 'result', '', 'migrated', '0')
end
redis.call('HSET', KEYS[1], 'ver', int(ver), 'cv', int(cv), 'moving', cv > 0 and int(cells) or '0')
return { 'OK', int(ver), table.concat(rebased, ',') }
