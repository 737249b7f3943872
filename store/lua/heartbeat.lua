#!lua flags=allow-oom
-- Stores a pod's heartbeat and returns the state of its cell. Pods of another owner may have the same names: their heartbeats
-- are not stored, since routers would send reads to them.
--
-- KEYS[1]  meta      hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]  gate      hash of the gate: why it is closed, claims, the running repair
-- KEYS[3]  cellMeta  hash of the cell: epoch, token, log tip, trim position
-- KEYS[4]  members   hash from a pod to its last heartbeat
-- KEYS[5]  log       stream of the cell
--
-- ARGV[1]  pod        that beats
-- ARGV[2]  heartbeat  JSON
-- ARGV[3]  uid        of the owner that the pod serves
--
-- Returns:
--   gate epoch token head hash trim centroidVersion moving rows redundant version regressed bytes migrated taken settings
--     gate       1 if the gate is open to this pod
--     moving     cells that still run their migration scan
--     regressed  why the gate stays closed, '' if it is open
--     bytes      of the log above its trim position
--     migrated   centroid version of the cell's last migration scan
--     taken      last takeover in any cell
--     settings   version of the settings
local ours = owned_by(KEYS[1], ARGV[3])
if ours then redis.call('HSET', KEYS[4], ARGV[1], ARGV[2]) end
local m = redis.call('HMGET', KEYS[1], 'inc', 'cv', 'moving', 'rows', 'redundant', 'ver', 'taken', 'settings')
local c = redis.call('HMGET', KEYS[3], 'epoch', 'token', 'head', 'hash', 'trim', 'bytes', 'trimBytes', 'migrated')
-- A log that differs from its meta closes the gate to this pod, whose claim then closes it to all.
local sound = c[3] == nil or c[3] == false or whole(load_cell(KEYS[3], KEYS[5]))
return { ours and m[1] == incarnation() and sound and '1' or '0', c[1] or '0', c[2] or '', c[3] or '0-0', c[4] or '', c[5] or '0-0', m[2] or '0', m[3] or '0',
  m[4] or '0', m[5] or '0', m[6] or '0', why_closed(KEYS[2]), int(num(c[6]) - num(c[7])), c[8] or '0', m[7] or '0', m[8] or '0' }
