#!lua flags=allow-oom
-- After a lost reply, on a new connection: refuses the old connection from here on and returns the last batch (rule L4).
--
-- KEYS[1]  meta      hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]  cellMeta  hash of the cell: epoch, token, log tip, trim position
--
-- ARGV[1]  token       lease token of the primary
-- ARGV[2]  connection  number of its new connection
--
-- Returns one of:
--   OK batch result  number and reply of the last batch
--   GATE             the gate is closed
--   FENCED epoch     another token has the lead of the cell, in this epoch
if redis.call('HGET', KEYS[1], 'inc') ~= incarnation() then return { 'GATE' } end
local m = redis.call('HMGET', KEYS[2], 'epoch', 'token', 'batch', 'result')
if m[2] ~= ARGV[1] then return { 'FENCED', m[1] or '0' } end
redis.call('HSET', KEYS[2], 'conn', ARGV[2])
return { 'OK', m[3] or '0', m[4] or '' }
