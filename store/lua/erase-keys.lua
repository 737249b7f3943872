#!lua flags=allow-oom
-- Removes keys of the owner that asks. The claim goes last, with the meta, so that nobody else writes here meanwhile.
-- KEYS meta key*   ARGV uid   -> OK removed | OTHER uid owner
if not owned_by(KEYS[1], ARGV[1]) then
  local o = redis.call('HMGET', KEYS[1], 'owner', 'ownerName')
  return { 'OTHER', o[1] or '', o[2] or '' }
end
redis.call('HDEL', KEYS[1], 'inc')
if #KEYS == 1 then return { 'OK', int(redis.call('UNLINK', KEYS[1])) } end
local removed = 0
for i = 2, #KEYS do removed = removed + redis.call('UNLINK', KEYS[i]) end
return { 'OK', int(removed) }
