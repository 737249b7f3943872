#!lua flags=allow-oom
-- Renews the lease of a cell: only by the token that has its lead (rule L1).
--
-- KEYS[1]  meta      hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]  cellMeta  hash of the cell: epoch, token, log tip, trim position
-- KEYS[3]  lease     token of the pod that holds the lead; it expires
--
-- ARGV[1]  token  lease token of the primary
-- ARGV[2]  ttlMs  after which the lease expires, ms
--
-- Returns one of:
--   OK head       the lease is renewed; head of the log
--   GATE          the gate is closed
--   FENCED epoch  another token has the lead of the cell, in this epoch
if redis.call('HGET', KEYS[1], 'inc') ~= incarnation() then return { 'GATE' } end
local m = redis.call('HMGET', KEYS[2], 'epoch', 'token', 'head')
if m[2] ~= ARGV[1] then return { 'FENCED', m[1] or '0' } end
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
return { 'OK', m[3] }
