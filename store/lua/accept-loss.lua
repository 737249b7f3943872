#!lua flags=allow-oom
-- An administrator gives up the entries that no pod holds, and the pods that do not answer. The log is then repaired from
-- the replica states that have been claimed.
--
-- KEYS[1]  meta  hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]  gate  hash of the gate: why it is closed, claims, the running repair
--
-- ARGV[1]  uid  of the owner that asks
--
-- Returns one of:
--   OK why  the loss is accepted; why the gate is closed
--   OPEN    the gate is open: nothing was lost
--   OTHER   the keys belong to another owner
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner and owner ~= ARGV[1] then return { 'OTHER' } end
local inc = incarnation()
if redis.call('HGET', KEYS[1], 'inc') == inc then return { 'OPEN' } end
if redis.call('HGET', KEYS[2], 'inc') ~= inc then redis.call('DEL', KEYS[2]) end
local why = why_closed(KEYS[2])
-- Accepted again before the pods could act on it: their window continues.
if redis.call('HGET', KEYS[2], 'accepted') == inc then return { 'OK', why } end
redis.call('HSET', KEYS[2], 'inc', inc, 'accepted', inc, 'first', int(now_ms()))
redis.call('HSETNX', KEYS[2], 'regressed', 'a person gave up the pods that do not answer')
-- Sessions of an earlier recovery generation may have seen lost rows. No number is used twice, even if Redis has lost all.
redis.call('HSET', KEYS[1], 'generation', int(math.max(num(redis.call('HGET', KEYS[1], 'generation')) + 1, now_ms())))
return { 'OK', why }
