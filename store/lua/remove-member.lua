#!lua flags=allow-oom
-- A pod that has left its cell for good is no member any more: no router asks it, and the log is cut without it (rule L23).
-- KEYS members lease   ARGV pod startId(of the process that is known to have ended)   -> OK | ABSENT | OTHER startId | LEADS
local last = redis.call('HGET', KEYS[1], ARGV[1])
if not last then return { 'ABSENT' } end
local beat = cjson.decode(last)
if beat.startId ~= ARGV[2] then return { 'OTHER', beat.startId or '' } end
local token = redis.call('GET', KEYS[2])
if token and string.sub(token, 1, #ARGV[1] + 1) == ARGV[1] .. '#' then return { 'LEADS' } end
redis.call('HDEL', KEYS[1], ARGV[1])
return { 'OK' }
