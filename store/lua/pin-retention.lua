#!lua flags=allow-oom
-- A pod that copies a peer's snapshot pins the log: it is kept from the snapshot's position on (rule L16).
--
-- KEYS[1]  meta      hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]  cellMeta  hash of the cell: epoch, token, log tip, trim position
-- KEYS[3]  members   hash from a pod to its last heartbeat
--
-- ARGV[1]  pod        that copies
-- ARGV[2]  heartbeat  JSON, stored if the pod has none yet
-- ARGV[3]  position   of the snapshot
-- ARGV[4]  uid        of the owner that the pod serves
--
-- Returns one of:
--   OK           the log is pinned
--   BEHIND trim  the log is trimmed above the position
--   OTHER        the keys belong to another owner
if not owned_by(KEYS[1], ARGV[4]) then return { 'OTHER' } end
local trim = redis.call('HGET', KEYS[2], 'trim') or '0-0'
if seq_of(ARGV[3]) < seq_of(trim) then return { 'BEHIND', trim } end
-- The other fields of the pod's last heartbeat stay: routers read them.
local last = redis.call('HGET', KEYS[3], ARGV[1])
local beat = last and cjson.decode(last) or cjson.decode(ARGV[2])
beat.retentionPin = ARGV[3]
redis.call('HSET', KEYS[3], ARGV[1], cjson.encode(beat))
return { 'OK' }
