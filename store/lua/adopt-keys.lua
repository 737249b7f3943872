#!lua flags=allow-oom
-- An administrator gives the keys of an owner that has ended without releasing them to the next owner. The uid of the earlier
-- owner is required, so that no other owner loses its keys (rule L25).
--
-- KEYS[1]  meta  hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]  gate  hash of the gate: why it is closed, claims, the running repair
--
-- ARGV[1]  earlier  uid of the earlier owner
-- ARGV[2]  uid      of the next owner
-- ARGV[3]  owner    name of the next owner
-- ARGV[4]  since    when the next owner was created, ms
--
-- Returns one of:
--   OK               the keys belong to the next owner
--   OTHER uid owner  the keys belong to this owner
if owned_by(KEYS[1], ARGV[2]) then return { 'OK' } end
if not owned_by(KEYS[1], ARGV[1]) then
  local o = redis.call('HMGET', KEYS[1], 'owner', 'ownerName')
  return { 'OTHER', o[1] or '', o[2] or '' }
end
-- The gate closes too: pods of the earlier owner that still run must claim, and are refused.
forget_claims(KEYS[2])
redis.call('HDEL', KEYS[1], 'inc', 'released')
redis.call('HSET', KEYS[1], 'owner', ARGV[2], 'ownerName', ARGV[3], 'ownerSince', ARGV[4])
return { 'OK' }
