#!lua flags=allow-oom
-- Acquires the lead of a cell: a new epoch in the meta and in the log at once (rules L1, L2).
--
-- KEYS[1]  meta      hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]  cellMeta  hash of the cell: epoch, token, log tip, trim position
-- KEYS[3]  log       stream of the cell
-- KEYS[4]  lease     token of the pod that holds the lead; it expires
--
-- ARGV[1]  pod       that acquires the lead
-- ARGV[2]  token     lease token: pod, start id, random
-- ARGV[3]  ttlMs     after which the lease expires, ms
-- ARGV[4]  applied   position that the pod has applied
-- ARGV[5]  timeline  of that position
--
-- Returns one of:
--   OK epoch head hash  the pod leads from this log tip on
--   HELD token ttlMs    another token has the lease for so long, ms
--   GATE                the gate is closed, or the timeline is another
--   CORRUPT head last   the last id of the stream is not the head in the meta
--   BEHIND trim         the log is trimmed above the applied position
if redis.call('HGET', KEYS[1], 'inc') ~= incarnation() then return { 'GATE' } end
-- A pod that was paused while the gate was closed must claim before it leads: its positions are of another timeline.
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
-- Pods keep the number of the last takeover: a Redis that has lost it names the wrong leader (rule L14).
redis.call('HSET', KEYS[1], 'taken', int(math.max(num(redis.call('HGET', KEYS[1], 'taken')) + 1, now_ms())))
redis.call('HSET', s.meta, 'token', ARGV[2], 'holder', ARGV[1], 'conn', '0', 'batch', '0', 'result', '')
return { 'OK', s.epoch, s.head, s.hash }
