#!lua flags=allow-oom
-- Ends the migration scan of a cell: it has no misplaced row left.
--
-- KEYS[1]  meta      hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]  cellMeta  hash of the cell: epoch, token, log tip, trim position
-- KEYS[3]  log       stream of the cell
--
-- ARGV[1]  token            lease token of the primary
-- ARGV[2]  centroidVersion  of the scan
--
-- Returns one of:
--   OK moving         number of cells that still scan
--   GATE              the gate is closed
--   FENCED epoch      another token has the lead of the cell, in this epoch
--   CONFLICT version  the centroids have this version now
local m = redis.call('HMGET', KEYS[1], 'inc', 'cv', 'moving', 'ver')
if m[1] ~= incarnation() then return { 'GATE' } end
local w = redis.call('HMGET', KEYS[2], 'epoch', 'token', 'migrated')
if w[2] ~= ARGV[1] then return { 'FENCED', w[1] or '0' } end
if m[2] ~= ARGV[2] then return { 'CONFLICT', m[2] } end
if w[3] == ARGV[2] then return { 'OK', m[3] } end
local s = load_cell(KEYS[2], KEYS[3])
append(s, 'W', m[4], ARGV[2], '', '', '')
save_cell(s)
redis.call('HSET', s.meta, 'migrated', ARGV[2])
return { 'OK', int(redis.call('HINCRBY', KEYS[1], 'moving', -1)) }
