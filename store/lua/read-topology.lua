#!lua flags=allow-oom
-- Reads what routers and the control plane need: gate, versions, members, and the state of every cell.
--
-- KEYS[1]     meta      hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]     gate      hash of the gate: why it is closed, claims, the running repair
-- KEYS[3]     members   hash from a pod to its last heartbeat
-- KEYS[4+2c]  cellMeta  hash of cell c: epoch, token, log tip, trim position
-- KEYS[5+2c]  lease     token of the pod that leads cell c; it expires
--
-- ARGV[1]  cells  number of cells
--
-- Returns, the last group for each cell:
--   gate version centroidVersion moving rows redundant regressed members generation repaired timeline
--   shape owner ownerName ownerSince released written (epoch token head trim migrated bytes leased)*
--     gate       1 if the gate is open
--     regressed  why the gate stays closed, '' if it is open
--     members    heartbeats, a JSON list
--     repaired   report of the last repair, JSON
--     written    1 if the collection has been created
--     bytes      of the log above its trim position
--     leased     1 if the lease is held
local m = redis.call('HMGET', KEYS[1], 'inc', 'ver', 'cv', 'moving', 'rows', 'redundant', 'generation', 'repaired', 'timeline',
  'shape', 'owner', 'ownerName', 'ownerSince', 'released')
local members = {}
local all = redis.call('HGETALL', KEYS[3])
for i = 1, #all, 2 do members[#members + 1] = all[i + 1] end
local reply = { m[1] == incarnation() and '1' or '0', m[2] or '0', m[3] or '0', m[4] or '0', m[5] or '0', m[6] or '0',
  why_closed(KEYS[2]), '[' .. table.concat(members, ',') .. ']', m[7] or '0', m[8] or '', m[9] or '0',
  m[10] or '', m[11] or '', m[12] or '', m[13] or '0', m[14] or '0', m[2] and '1' or '0' }
for c = 0, num(ARGV[1]) - 1 do
  local x = redis.call('HMGET', KEYS[4 + 2 * c], 'epoch', 'token', 'head', 'trim', 'migrated', 'bytes', 'trimBytes')
  for i = 1, 5 do reply[#reply + 1] = x[i] or '0' end
  reply[#reply + 1] = int(num(x[6]) - num(x[7]))
  reply[#reply + 1] = int(redis.call('EXISTS', KEYS[5 + 2 * c]))
end
return reply
