#!lua flags=allow-oom
-- A step of a repair: writes the idempotency records that the entries of the logs carry (rule L20).
--
-- KEYS[1]    meta         hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]    gate         hash of the gate: why it is closed, claims, the running repair
-- KEYS[3]    idempotency  sorted set of the idempotency records by the time of their end
-- KEYS[4+i]  record       idempotency record i, of one id
--
-- ARGV[1]     token     of the repair
-- ARGV[2]     repairMs  after which another pod may begin the repair again, ms
-- ARGV[3]     ttlMs     how long an idempotency record is kept, ms
-- ARGV[4+4i]  digest    of the request
-- ARGV[5+4i]  at        when the entry was committed, ms
-- ARGV[6+4i]  key       of the id
-- ARGV[7+4i]  result    of the operation, as in commit-batch.lua
--
-- Returns one of:
--   OK    the records are written, except those that have ended
--   GONE  another pod repairs, or Redis is another incarnation
if not begun(KEYS[1], KEYS[2], ARGV[1], ARGV[2]) then return { 'GONE' } end
local now = now_ms()
for i = 4, #KEYS do
  local b, record = 4 + 4 * (i - 4), KEYS[i]
  local until_ms = math.max(num(redis.call('ZSCORE', KEYS[3], record)), num(ARGV[b + 1]) + num(ARGV[3]))
  if until_ms > now then
    redis.call('HSET', record, 'digest', ARGV[b], 'p' .. ARGV[b + 2], ARGV[b + 3])
    redis.call('PEXPIREAT', record, int(until_ms))
    redis.call('ZADD', KEYS[3], int(until_ms), record)
  end
end
return { 'OK' }
