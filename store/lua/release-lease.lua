#!lua flags=allow-oom
-- Releases a lease, of a pod itself or of a process that is known to have ended: only by its exact token.
--
-- KEYS[1]  lease  token of the pod that holds the lead; it expires
--
-- ARGV[1]  token  lease token to release
--
-- Returns one of:
--   OK released  1
--   OTHER        the lease is free, or has another token
if redis.call('GET', KEYS[1]) == ARGV[1] then return { 'OK', int(redis.call('DEL', KEYS[1])) } end
return { 'OTHER' }
