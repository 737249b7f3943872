#!lua flags=allow-oom
-- Cuts a log below what its pods can rebuild from (rule L16). KEYS meta cellMeta log members
-- ARGV token cell replicas deadPods(JSON list)   -> OK floor removed | NOFLOOR why | NOOP trim | GATE | FENCED epoch
if redis.call('HGET', KEYS[1], 'inc') ~= incarnation() then return { 'GATE' } end
local w = redis.call('HMGET', KEYS[2], 'epoch', 'token')
if w[2] ~= ARGV[1] then return { 'FENCED', w[1] or '0' } end
local dead = {}
for _, pod in ipairs(cjson.decode(ARGV[4])) do dead[pod] = true end
-- A pod that is silent for good is not waited for: of this cell, and of the pods that it is meant to have. Others say nothing
-- of how many snapshots there must be.
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
redis.call('HSET', s.meta, 'trim', floor, 'trimBytes', f.z, 'trimVersion', f.v)
return { 'OK', floor, int(redis.call('XTRIM', s.log, 'MINID', floor)) }
