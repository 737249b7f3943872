#!lua
-- Changes settings of a collection: what clients gave, and answers repeat.
--
-- KEYS[1]  meta      hash of the collection: incarnation, versions, counters, owner; `settings` counts the changes
-- KEYS[2]  settings  hash from the name of a setting to its value
--
-- ARGV[1]     uid    of the owner
-- ARGV[2]     most   number of settings that a collection may have
-- ARGV[3]     prefix       of the names of payload indexes
-- ARGV[4]     mostIndexes  number of payload indexes that a collection may have
-- ARGV[5+2i]  name   of setting i; each name once
-- ARGV[6+2i]  value  of setting i; '' removes it
--
-- Returns one of:
--   OK version      the settings are changed; the version grows with each change
--   FULL number     so many settings would be too many; nothing is changed
--   INDEXES number  so many payload indexes would be too many; nothing is changed
--   OTHER           the keys belong to another owner, or to none yet
if not owned_by(KEYS[1], ARGV[1]) then return { 'OTHER' } end
local function is_index(name) return string.sub(name, 1, #ARGV[3]) == ARGV[3] end
local number, indexes, more = 0, 0, 0
for _, name in ipairs(redis.call('HKEYS', KEYS[2])) do
  number = number + 1
  if is_index(name) then indexes = indexes + 1 end
end
for i = 5, #ARGV, 2 do
  local known = redis.call('HEXISTS', KEYS[2], ARGV[i]) == 1
  local change = (ARGV[i + 1] == '' and 0 or 1) - (known and 1 or 0)
  number = number + change
  if is_index(ARGV[i]) then more = more + change end
end
if number > num(ARGV[2]) then return { 'FULL', int(number) } end
if more > 0 and indexes + more > num(ARGV[4]) then return { 'INDEXES', int(indexes + more) } end
for i = 5, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[2], ARGV[i]) else redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
return { 'OK', int(redis.call('HINCRBY', KEYS[1], 'settings', 1)) }
