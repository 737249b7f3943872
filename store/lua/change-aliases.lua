#!lua
-- Changes the aliases of several collections, all or none.
--
-- KEYS[1+2i]  meta     hash of collection i, counted from 0: incarnation, versions, counters, owner
-- KEYS[2+2i]  aliases  hash of collection i from an alias to the revision that gave it; its field '' is the table's own revision
--
-- ARGV[1]     collections  number of them
-- ARGV[2]     revision     of this change, above that of every table
-- ARGV[3+2i]  uid          of the owner of collection i
-- ARGV[4+2i]  expected     revision that the caller has read of the table of collection i
-- then, three arguments for each alias: the collection's number, the alias, and 1 to give it or '' to remove it
--
-- Returns one of:
--   OK       the tables are changed
--   OTHER    the keys of a collection belong to another owner, or to none yet; nothing is changed
--   CHANGED  a table has another revision; nothing is changed
local collections = num(ARGV[1])
for i = 0, collections - 1 do
  if not owned_by(KEYS[1 + 2 * i], ARGV[3 + 2 * i]) then return { 'OTHER' } end
end
for i = 0, collections - 1 do
  if num(redis.call('HGET', KEYS[2 + 2 * i], '')) ~= num(ARGV[4 + 2 * i]) then return { 'CHANGED' } end
end
for i = 0, collections - 1 do redis.call('HSET', KEYS[2 + 2 * i], '', ARGV[2]) end
for i = 3 + 2 * collections, #ARGV, 3 do
  local aliases = KEYS[2 + 2 * num(ARGV[i])]
  if ARGV[i + 2] == '' then redis.call('HDEL', aliases, ARGV[i + 1]) else redis.call('HSET', aliases, ARGV[i + 1], ARGV[2]) end
end
return { 'OK' }
