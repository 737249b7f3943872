#!lua flags=allow-oom,no-writes
-- One state of all cells (rule L18), and where ids live in it. KEYS meta gate (cellMeta log)* bucket*   ARGV cells key*
-- -> OK version centroidVersion moving generation timeline head.. directory value.. | GATE
local cells = num(ARGV[1])
local m = redis.call('HMGET', KEYS[1], 'inc', 'ver', 'cv', 'moving', 'generation', 'timeline')
if m[1] ~= incarnation() then return { 'GATE' } end
local reply = { 'OK', m[2], m[3], m[4], m[5] or '0', m[6] or '0' }
for c = 0, cells - 1 do reply[#reply + 1] = redis.call('HGET', KEYS[3 + 2 * c], 'head') end
for i = 2, #ARGV do reply[#reply + 1] = redis.call('HGET', KEYS[1 + 2 * cells + i], ARGV[i]) or '' end
return reply
