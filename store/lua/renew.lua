#!lua flags=allow-oom
-- KEYS meta cellMeta lease   ARGV epoch token ttlMs   -> OK head | GATE | FENCED epoch
if redis.call('HGET', KEYS[1], 'inc') ~= incarnation() then return { 'GATE' } end
local m = redis.call('HMGET', KEYS[2], 'epoch', 'token', 'head')
if m[1] ~= ARGV[1] or m[2] ~= ARGV[2] then return { 'FENCED', m[1] or '0' } end
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
return { 'OK', m[3] }
