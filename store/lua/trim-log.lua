#!lua flags=allow-oom
-- Trims a log to the position from which every pod of the cell can rebuild its state (rule L16).
--
-- KEYS[1]  meta      hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]  cellMeta  hash of the cell: epoch, token, log tip, trim position
-- KEYS[3]  log       stream of the cell
-- KEYS[4]  members   hash from a pod to its last heartbeat
--
-- ARGV[1]  token     lease token of the primary
-- ARGV[2]  cell      of the log
-- ARGV[3]  replicas  number of pods by plan
-- ARGV[4]  deadPods  pods that have been silent for long, a JSON list
--
-- Returns one of:
--   OK floor removed  the new trim position; number of entries that were removed
--   NOFLOOR why       no position is safe
--   NOOP trim         the log is trimmed so far already
--   GATE              the gate is closed
--   FENCED epoch      another token has the lead of the cell, in this epoch
if redis.call('HGET', KEYS[1], 'inc') ~= incarnation() then return { 'GATE' } end
local w = redis.call('HMGET', KEYS[2], 'epoch', 'token')
if w[2] ~= ARGV[1] then return { 'FENCED', w[1] or '0' } end
local dead = {}
for _, pod in ipairs(cjson.decode(ARGV[4])) do dead[pod] = true end
-- The trim waits for no pod that has been silent for long. Only such pods of the plan lower the number of snapshots that
-- are required.
local floor, with, silent = nil, 0, 0
local all = redis.call('HGETALL', KEYS[4])
for i = 1, #all, 2 do
  local b = cjson.decode(all[i + 1])
  local ours = num(b.cell) == num(ARGV[2])
  if ours and dead[all[i]] then
    if num(b.ordinal) < num(ARGV[3]) then silent = silent + 1 end
  elseif ours then
    local has = b.oldestSnapshot ~= cjson.null and b.oldestSnapshot ~= nil
    local at = has and b.oldestSnapshot or b.retentionPin
    if at == cjson.null or at == nil then return { 'NOFLOOR', all[i] .. ' has no snapshot' } end
    if has then with = with + 1 end
    if b.retentionPin ~= cjson.null and b.retentionPin and seq_of(b.retentionPin) < seq_of(at) then at = b.retentionPin end
    if not floor or seq_of(at) < seq_of(floor) then floor = at end
  end
end
if not floor then return { 'NOFLOOR', 'no live pod' } end
if with < math.min(2, num(ARGV[3]) - silent) then return { 'NOFLOOR', 'too few snapshots' } end
local s = load_cell(KEYS[2], KEYS[3])
if seq_of(floor) <= seq_of(s.trim) then return { 'NOOP', s.trim } end
local e = redis.call('XRANGE', s.log, floor, floor)[1]
if not e then return { 'NOFLOOR', floor .. ' is not in the log' } end
local f = {}
for i = 1, #e[2], 2 do f[e[2][i]] = e[2][i + 1] end
redis.call('HSET', s.meta, 'trim', floor, 'trimBytes', f.z, 'trimVersion', string.match(f.e, '^[^|]*|([^|]*)'))
return { 'OK', floor, int(redis.call('XTRIM', s.log, 'MINID', floor)) }
