#!lua flags=allow-oom
-- The last step of a repair: opens the gate on another timeline, in which positions mean other entries (rule L21).
--
-- KEYS[1]  meta  hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]  gate  hash of the gate: why it is closed, claims, the running repair
--
-- ARGV[1]  token      of the repair
-- ARGV[2]  repairMs   after which another pod may begin the repair again, ms
-- ARGV[3]  rows       number of rows
-- ARGV[4]  redundant  number of redundant rows
-- ARGV[5]  report     of the repair, JSON
--
-- Returns one of:
--   OK    the gate is open
--   GONE  another pod repairs, or Redis is another incarnation
if not begun(KEYS[1], KEYS[2], ARGV[1], ARGV[2]) then return { 'GONE' } end
local inc = incarnation()
open_gate(KEYS[1], inc)
redis.call('HDEL', KEYS[1], 'repairing')
redis.call('HSET', KEYS[1], 'rows', ARGV[3], 'redundant', ARGV[4], 'repaired', ARGV[5])
redis.call('HDEL', KEYS[2], 'regressed', 'accepted', 'state', 'token', 'until', 'floors')
redis.call('HSET', KEYS[2], 'repairedIn', inc)
return { 'OK' }
