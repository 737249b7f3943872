#!lua flags=allow-oom
-- Gives a lease back, or takes it from a process that is known to be dead: only with its exact token. KEYS lease  ARGV token
if redis.call('GET', KEYS[1]) == ARGV[1] then return { 'OK', int(redis.call('DEL', KEYS[1])) } end
return { 'OTHER' }
