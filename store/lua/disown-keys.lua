#!lua flags=allow-oom
-- The owner ends and releases its keys, so that a later VectorCluster of the same name may adopt them (rule L25).
--
-- KEYS[1]  meta  hash of the collection: incarnation, versions, counters, owner
--
-- ARGV[1]  uid  of the owner that ends
--
-- Returns one of:
--   OK               the keys are released
--   OTHER uid owner  the keys belong to this owner
if not owned_by(KEYS[1], ARGV[1]) then
  local o = redis.call('HMGET', KEYS[1], 'owner', 'ownerName')
  return { 'OTHER', o[1] or '', o[2] or '' }
end
redis.call('HSET', KEYS[1], 'released', '1')
return { 'OK' }
