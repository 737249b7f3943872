#!lua flags=allow-oom
-- A step of a repair: replaces buckets of the directory (rule L21).
--
-- KEYS[1]     meta    hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]     gate    hash of the gate: why it is closed, claims, the running repair
-- KEYS[3...]  bucket  of the directory
--
-- ARGV[1]     token     of the repair
-- ARGV[2]     repairMs  after which another pod may begin the repair again, ms
-- ARGV[3...]  entries   number of entries of a bucket, then a key and a directory entry for each; bucket by bucket
--
-- Returns one of:
--   OK    the buckets are replaced
--   GONE  another pod repairs, or Redis is another incarnation
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
