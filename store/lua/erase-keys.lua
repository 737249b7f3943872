#!lua flags=allow-oom
-- Removes keys of their owner. The meta goes last: until then its owner keeps every other writer out.
--
-- KEYS[1]     meta  hash of the collection: incarnation, versions, counters, owner
-- KEYS[2...]  key   keys to remove; none: the meta itself is removed
--
-- ARGV[1]  uid  of the owner
--
-- Returns one of:
--   OK removed       number of keys that existed
--   OTHER uid owner  the keys belong to this owner
if not owned_by(KEYS[1], ARGV[1]) then
  local o = redis.call('HMGET', KEYS[1], 'owner', 'ownerName')
  return { 'OTHER', o[1] or '', o[2] or '' }
end
redis.call('HDEL', KEYS[1], 'inc')
if #KEYS == 1 then return { 'OK', int(redis.call('UNLINK', KEYS[1])) } end
local removed = 0
for i = 2, #KEYS do removed = removed + redis.call('UNLINK', KEYS[i]) end
return { 'OK', int(removed) }
