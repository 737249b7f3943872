#!lua
-- New centroids for all cells at once (rule L11). Fenced by the primary of cell 0.
-- KEYS meta gate (cellMeta log)* centroids   ARGV cells token expectedVersion centroids
-- -> OK version | GATE | FENCED epoch | CONFLICT version
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
