#!lua flags=allow-oom
-- A step of a repair: buckets of the directory are written anew. KEYS meta gate bucket*
-- ARGV token repairMs then for each bucket: entries (key value)*   -> OK | GONE
if not begun(KEYS[1], KEYS[2], ARGV[1], ARGV[2]) then return { 'GONE' } end
local at = 3
for i = 3, #KEYS do
  redis.call('UNLINK', KEYS[i])
  local entries = num(ARGV[at])
  at = at + 1
  for _ = 1, entries do
    redis.call('HSET', KEYS[i], ARGV[at], ARGV[at + 1])
    at = at + 2
  end
end
return { 'OK' }
