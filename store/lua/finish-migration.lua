#!lua flags=allow-oom
-- A cell has no row left that belongs elsewhere. KEYS meta cellMeta log   ARGV token centroidVersion
-- -> OK moving | GATE | FENCED epoch | CONFLICT version
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
