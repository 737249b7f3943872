#!lua flags=allow-oom
-- All that a router needs. KEYS meta gate members (cellMeta lease)*   ARGV cells
-- -> gate version centroidVersion moving rows redundant regressed members(JSON) generation repaired timeline shape owner ownerName ownerSince released written then for each cell: epoch token head trim migrated bytes leased
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
