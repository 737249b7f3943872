#!lua flags=allow-oom
-- A person gives the keys of an owner that has ended without letting go to another: by the uid of the one, never of anybody.
-- KEYS meta gate   ARGV uid of the earlier owner, then of the next: uid owner since   -> OK | OTHER uid owner
if owned_by(KEYS[1], ARGV[2]) then return { 'OK' } end
if not owned_by(KEYS[1], ARGV[1]) then
  local o = redis.call('HMGET', KEYS[1], 'owner', 'ownerName')
  return { 'OTHER', o[1] or '', o[2] or '' }
end
-- The gate closes with it: pods of the earlier owner that still run must claim, and are refused.
forget_claims(KEYS[2])
redis.call('HDEL', KEYS[1], 'inc', 'released')
redis.call('HSET', KEYS[1], 'owner', ARGV[2], 'ownerName', ARGV[3], 'ownerSince', ARGV[4])
return { 'OK' }
