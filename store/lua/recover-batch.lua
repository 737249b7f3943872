#!lua flags=allow-oom
-- After a lost reply, on a new connection: from here on the old connection is refused, and the last batch is known (rule L4).
-- KEYS meta cellMeta   ARGV token connection   -> OK batch result | GATE | FENCED epoch
if redis.call('HGET', KEYS[1], 'inc') ~= incarnation() then return { 'GATE' } end
local m = redis.call('HMGET', KEYS[2], 'epoch', 'token', 'batch', 'result')
if m[2] ~= ARGV[1] then return { 'FENCED', m[1] or '0' } end
redis.call('HSET', KEYS[2], 'conn', ARGV[2])
return { 'OK', m[3] or '0', m[4] or '' }
