#!lua flags=allow-oom
-- The last step of a repair: the gate opens on another timeline, in which positions mean other entries.
-- KEYS meta gate   ARGV token repairMs rows redundant report   -> OK | GONE
if not begun(KEYS[1], KEYS[2], ARGV[1], ARGV[2]) then return { 'GONE' } end
local inc = incarnation()
open_gate(KEYS[1], inc)
redis.call('HDEL', KEYS[1], 'repairing')
redis.call('HSET', KEYS[1], 'rows', ARGV[3], 'redundant', ARGV[4], 'repaired', ARGV[5])
redis.call('HDEL', KEYS[2], 'regressed', 'accepted', 'state', 'token', 'until', 'floors')
redis.call('HSET', KEYS[2], 'repairedIn', inc)
return { 'OK' }
