#!lua flags=allow-oom
-- Removes a pod that has left its cell for good: routers send it no reads, and the log is trimmed without it (rule L23).
--
-- KEYS[1]  members  hash from a pod to its last heartbeat
-- KEYS[2]  lease    token of the pod that holds the lead; it expires
--
-- ARGV[1]  pod      that has left
-- ARGV[2]  startId  of its process, which is known to have ended
--
-- Returns one of:
--   OK             the member is removed
--   ABSENT         the pod is no member
--   OTHER startId  the pod has this process now
--   LEADS          the pod has the lease of the cell
local last = redis.call('HGET', KEYS[1], ARGV[1])
if not last then return { 'ABSENT' } end
local beat = cjson.decode(last)
if beat.startId ~= ARGV[2] then return { 'OTHER', beat.startId or '' } end
local token = redis.call('GET', KEYS[2])
if token and is_token_of(token, ARGV[1]) then return { 'LEADS' } end
redis.call('HDEL', KEYS[1], ARGV[1])
return { 'OK' }
