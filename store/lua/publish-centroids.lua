#!lua
-- Publishes new centroids to all cells at once, fenced by the primary of cell 0 (rule L11).
--
-- KEYS[1]     meta       hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]     gate       hash of the gate: why it is closed, claims, the running repair
-- KEYS[3]     cellMeta   of cell 0, whose primary publishes
-- KEYS[3+2c]  cellMeta   hash of cell c: epoch, token, log tip, trim position
-- KEYS[4+2c]  log        stream of cell c
-- KEYS[3+2C]  centroids  bytes of the published centroids, with C cells
--
-- ARGV[1]  cells      number of cells
-- ARGV[2]  token      lease token of the primary of cell 0
-- ARGV[3]  expected   centroid version that they replace
-- ARGV[4]  centroids  bytes
--
-- Returns one of:
--   OK version        the centroid version of what was published
--   GATE              the gate is closed
--   FENCED epoch      another token has the lead of cell 0, in this epoch
--   CONFLICT version  the centroids have this version now
local cells = num(ARGV[1])
local m = redis.call('HMGET', KEYS[1], 'inc', 'ver', 'cv')
if m[1] ~= incarnation() then return { 'GATE' } end
local w = redis.call('HMGET', KEYS[3], 'epoch', 'token')
if w[2] ~= ARGV[2] then return { 'FENCED', w[1] or '0' } end
if m[3] ~= ARGV[3] then return { 'CONFLICT', m[3] } end
local cv, ver = int(num(m[3]) + 1), int(num(m[2]) + 1)
redis.call('SET', KEYS[3 + 2 * cells], ARGV[4])
for c = 0, cells - 1 do
  local s = load_cell(KEYS[3 + 2 * c], KEYS[4 + 2 * c])
  append(s, 'C', ver, cv, '', '', ARGV[4])
  save_cell(s)
end
redis.call('HSET', KEYS[1], 'ver', ver, 'cv', cv, 'moving', int(cells))
return { 'OK', cv }
