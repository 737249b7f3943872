#!lua flags=allow-oom
-- Takes the lead of a cell: a new epoch, in the meta and in the log at once (rules L1, L2).
-- KEYS meta cellMeta log lease   ARGV pod token ttlMs applied timeline
-- -> OK epoch head hash | HELD token ttlMs | GATE | CORRUPT head last | BEHIND trim
if redis.call('HGET', KEYS[1], 'inc') ~= incarnation() then return { 'GATE' } end
-- A pod that slept while the gate was closed must claim before it leads: it would take positions for what they were.
if (redis.call('HGET', KEYS[1], 'timeline') or '0') ~= ARGV[5] then return { 'GATE' } end
local held = redis.call('GET', KEYS[4])
if held and held ~= ARGV[2] then return { 'HELD', held, int(redis.call('PTTL', KEYS[4])) } end
local s = load_cell(KEYS[2], KEYS[3])
local last = stream_last(s.log)
if last ~= s.head then return { 'CORRUPT', s.head, last } end
if seq_of(ARGV[4]) < seq_of(s.trim) then return { 'BEHIND', s.trim } end
next_epoch(s)
redis.call('SET', KEYS[4], ARGV[2], 'PX', ARGV[3])
append(s, 'E', '0', '0', ARGV[2], '', '')
save_cell(s)
-- Pods remember that somebody took over: a Redis that has forgotten it knows the wrong leader (rule L14).
redis.call('HSET', KEYS[1], 'taken', int(math.max(num(redis.call('HGET', KEYS[1], 'taken')) + 1, now_ms())))
redis.call('HSET', s.meta, 'token', ARGV[2], 'holder', ARGV[1], 'conn', '0', 'batch', '0', 'result', '')
return { 'OK', s.epoch, s.head, s.hash }
