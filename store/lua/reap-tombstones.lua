#!lua flags=allow-oom
-- Removes the directory entries of deleted ids that no log and no snapshot can contradict any more: their version is below the
-- trim position of every cell.
--
-- KEYS[1]     meta      hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]     gate      hash of the gate: why it is closed, claims, the running repair
-- KEYS[3+2c]  cellMeta  hash of cell c: epoch, token, log tip, trim position
-- KEYS[4+2c]  log       stream of cell c
-- KEYS[3+2C]  bucket    of the directory, with C cells
--
-- ARGV[1]  cells  number of cells
--
-- Returns one of:
--   OK removed  number of entries that were removed
local cells = num(ARGV[1])
local safe
for c = 0, cells - 1 do
  local v = num(redis.call('HGET', KEYS[3 + 2 * c], 'trimVersion'))
  if not safe or v < safe then safe = v end
end
local bucket, removed = KEYS[3 + 2 * cells], 0
if safe == 0 then return { 'OK', '0' } end
local all = redis.call('HGETALL', bucket)
for i = 1, #all, 2 do
  local v = string.match(all[i + 1], '^%-|.*|(%d+)$')
  if v and num(v) < safe then redis.call('HDEL', bucket, all[i]); removed = removed + 1 end
end
return { 'OK', int(removed) }
