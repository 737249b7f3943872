#!lua flags=allow-oom
-- A person gives up what no pod holds, and the pods that do not answer: the log is repaired from the copies that there are.
-- KEYS meta gate   ARGV uid   -> OK what | OPEN (nothing was lost) | OTHER
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner and owner ~= ARGV[1] then return { 'OTHER' } end
local inc = incarnation()
if redis.call('HGET', KEYS[1], 'inc') == inc then return { 'OPEN' } end
if redis.call('HGET', KEYS[2], 'inc') ~= inc then redis.call('DEL', KEYS[2]) end
local why = why_closed(KEYS[2])
-- Said again before the pods could act on it: the window that they have goes on.
if redis.call('HGET', KEYS[2], 'accepted') == inc then return { 'OK', why } end
redis.call('HSET', KEYS[2], 'inc', inc, 'accepted', inc, 'first', int(now_ms()))
redis.call('HSETNX', KEYS[2], 'regressed', 'a person gave up the pods that do not answer')
-- What sessions saw before may be gone. Never a number that was an generation before, even where Redis has forgotten all.
redis.call('HSET', KEYS[1], 'generation', int(math.max(num(redis.call('HGET', KEYS[1], 'generation')) + 1, now_ms())))
return { 'OK', why }
