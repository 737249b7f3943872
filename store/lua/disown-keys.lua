#!lua flags=allow-oom
-- The owner ends: it lets its keys go, so that a later VectorCluster of the name may adopt what is in them (rule L25).
-- KEYS meta   ARGV uid   -> OK | OTHER uid owner
if not owned_by(KEYS[1], ARGV[1]) then
  local o = redis.call('HMGET', KEYS[1], 'owner', 'ownerName')
  return { 'OTHER', o[1] or '', o[2] or '' }
end
redis.call('HSET', KEYS[1], 'released', '1')
return { 'OK' }
