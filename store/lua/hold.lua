#!lua flags=allow-oom
-- A pod that copies a peer's snapshot asks that the log is kept from its position on (rule L16).
-- KEYS cellMeta members   ARGV pod heartbeat(JSON with hold) position   -> OK | BEHIND trim
local trim = redis.call('HGET', KEYS[1], 'trim') or '0-0'
if seq_of(ARGV[3]) < seq_of(trim) then return { 'BEHIND', trim } end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return { 'OK' }
