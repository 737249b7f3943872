#!lua flags=allow-oom,no-writes
-- Reads one state of all cells, and the directory entries of ids in it (rule L18).
--
-- KEYS[1]       meta      hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]       gate      hash of the gate: why it is closed, claims, the running repair
-- KEYS[3+2c]    cellMeta  hash of cell c: epoch, token, log tip, trim position
-- KEYS[4+2c]    log       stream of cell c
-- KEYS[1+2C+i]  bucket    of the directory, of ARGV[i], with C cells
--
-- ARGV[1]     cells  number of cells
-- ARGV[2...]  key    of an id
--
-- Returns one of:
--   OK version centroidVersion moving generation timeline head* entry*  a head for each cell, a directory entry for each key ('' for none)
--   GATE                                                                the gate is closed
local cells = num(ARGV[1])
local m = redis.call('HMGET', KEYS[1], 'inc', 'ver', 'cv', 'moving', 'generation', 'timeline')
if m[1] ~= incarnation() then return { 'GATE' } end
local reply = { 'OK', m[2], m[3], m[4], m[5] or '0', m[6] or '0' }
for c = 0, cells - 1 do reply[#reply + 1] = redis.call('HGET', KEYS[3 + 2 * c], 'head') end
for i = 2, #ARGV do reply[#reply + 1] = redis.call('HGET', KEYS[1 + 2 * cells + i], ARGV[i]) or '' end
return reply
