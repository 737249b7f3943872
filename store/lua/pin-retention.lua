#!lua flags=allow-oom
-- A pod that copies a peer's snapshot asks that the log is kept from its position on (rule L16).
-- KEYS meta cellMeta members   ARGV pod heartbeat(JSON, where there was none yet) position uid   -> OK | BEHIND trim | OTHER
if not owned_by(KEYS[1], ARGV[4]) then return { 'OTHER' } end
local trim = redis.call('HGET', KEYS[2], 'trim') or '0-0'
if seq_of(ARGV[3]) < seq_of(trim) then return { 'BEHIND', trim } end
-- What the pod's last heartbeat said else stays: routers read it.
local last = redis.call('HGET', KEYS[3], ARGV[1])
local beat = last and cjson.decode(last) or cjson.decode(ARGV[2])
beat.retentionPin = ARGV[3]
redis.call('HSET', KEYS[3], ARGV[1], cjson.encode(beat))
return { 'OK' }
