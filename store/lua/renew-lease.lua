#!lua flags=allow-oom
-- KEYS meta cellMeta lease   ARGV token ttlMs   -> OK head | GATE | FENCED epoch
if redis.call('HGET', KEYS[1], 'inc') ~= incarnation() then return { 'GATE' } end
local m = redis.call('HMGET', KEYS[2], 'epoch', 'token', 'head')
if m[2] ~= ARGV[1] then return { 'FENCED', m[1] or '0' } end
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
return { 'OK', m[3] }
