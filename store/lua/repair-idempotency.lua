#!lua flags=allow-oom
-- A step of a repair: records of requests with an idempotency key are written anew (rule L20).
-- KEYS meta gate idempotency idempotencyRecord*   ARGV token repairMs ttlMs then for each record: digest at id result   -> OK | GONE
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
