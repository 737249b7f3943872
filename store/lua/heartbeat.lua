#!lua flags=allow-oom
-- A pod's heartbeat. KEYS meta gate cellMeta members log   ARGV pod heartbeat(JSON) uid
-- -> gate(1 open) epoch token head hash trim centroidVersion moving rows redundant version regressed bytes migrated taken
-- Pods of a namesake have the same names: what they say here would send our readers to them.
local ours = owned_by(KEYS[1], ARGV[3])
if ours then redis.call('HSET', KEYS[4], ARGV[1], ARGV[2]) end
local m = redis.call('HMGET', KEYS[1], 'inc', 'cv', 'moving', 'rows', 'redundant', 'ver', 'taken')
local c = redis.call('HMGET', KEYS[3], 'epoch', 'token', 'head', 'hash', 'trim', 'bytes', 'trimBytes', 'migrated')
-- A log that is not what its meta says closes the gate to this pod, whose claim then closes it to all.
local sound = c[3] == nil or c[3] == false or whole(load_cell(KEYS[3], KEYS[5]))
return { ours and m[1] == incarnation() and sound and '1' or '0', c[1] or '0', c[2] or '', c[3] or '0-0', c[4] or '', c[5] or '0-0', m[2] or '0', m[3] or '0',
  m[4] or '0', m[5] or '0', m[6] or '0', why_closed(KEYS[2]), int(num(c[6]) - num(c[7])), c[8] or '0', m[7] or '0' }
