#!lua
-- Changes settings of a collection: what clients gave, and answers repeat.
--
-- KEYS[1]  meta      hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]  settings  hash from the name of a setting to its value
--
-- ARGV[1]     uid    of the owner
-- ARGV[2]     most   number of settings that a collection may have
-- ARGV[3+2i]  name   of setting i; each name once
-- ARGV[4+2i]  value  of setting i; '' removes it
--
-- Returns one of:
--   OK           the settings are changed
--   FULL number  so many settings would be too many; nothing is changed
--   OTHER        the keys belong to another owner, or to none yet
if not owned_by(KEYS[1], ARGV[1]) then return { 'OTHER' } end
local number = redis.call('HLEN', KEYS[2])
for i = 3, #ARGV, 2 do
  local known = redis.call('HEXISTS', KEYS[2], ARGV[i]) == 1
  if known and ARGV[i + 1] == '' then number = number - 1 end
  if not known and ARGV[i + 1] ~= '' then number = number + 1 end
end
if number > num(ARGV[2]) then return { 'FULL', int(number) } end
for i = 3, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[2], ARGV[i]) else redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
return { 'OK' }
