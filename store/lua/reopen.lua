#!lua flags=allow-oom
-- The last step of a repair: the gate opens on another history, in which positions mean other entries. KEYS meta gate   ARGV token repairMs rows copies report   -> OK | GONE
if not repairing(KEYS[2], ARGV[1], ARGV[2]) then return { 'GONE' } end
local inc = incarnation()
local history = int(math.max(num(redis.call('HGET', KEYS[1], 'history')) + 1, now_ms()))
redis.call('HSET', KEYS[1], 'inc', inc, 'history', history, 'rows', ARGV[3], 'copies', ARGV[4], 'repaired', ARGV[5])
redis.call('HDEL', KEYS[2], 'regressed', 'accepted', 'state', 'token', 'until')
redis.call('HSET', KEYS[2], 'mended', inc)
return { 'OK' }
