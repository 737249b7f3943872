#!lua flags=allow-oom
-- A pod claims how far its replica state of a cell reaches. The gate of this incarnation opens if the log has all of it
-- (rules L13, L14). Otherwise the most complete replica states are chosen, and the script asks one of their pods to repair the
-- log from them (rules L15, L21).
--
-- KEYS[1]     meta      hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]     gate      hash of the gate: why it is closed, claims, the running repair
-- KEYS[3+2c]  cellMeta  hash of cell c: epoch, token, log tip, trim position
-- KEYS[4+2c]  log       stream of cell c
--
-- ARGV[1]   pod        that claims
-- ARGV[2]   cell       of the pod
-- ARGV[3]   at         position of the pod's replica state
-- ARGV[4]   hash       of the entry at that position
-- ARGV[5]   known      highest position that the pod has evidence of; its previous process may have reached it
-- ARGV[6]   knownHash  of the entry at `known`
-- ARGV[7]   settled    1 if the pod has read the log as far as it continues the replica state
-- ARGV[8]   version    highest ordering version of the replica state
-- ARGV[9]   knownPods  number of pods by plan
-- ARGV[10]  cells      number of cells
-- ARGV[11]  windowMs   how long the gate waits for pods that do not answer, ms
-- ARGV[12]  token      of this pod's attempt to repair
-- ARGV[13]  repairMs   after which another pod may begin the repair again, ms
-- ARGV[14]  process    start id, as in the pod's lease tokens
-- ARGV[15]  seen       last takeover in any cell that the pod has seen; 0 for none
-- ARGV[16]  shape      of the data that the pod serves, as text
-- ARGV[17]  uid        of the VectorCluster that the pod serves
-- ARGV[18]  owner      its namespace and name
-- ARGV[19]  since      when it was created, ms
-- ARGV[20]  ownRedis   1 if Redis is the VectorCluster's own
--
-- Returns one of:
--   OTHER_SHAPE shape                       the keys hold data of this shape; nothing is changed
--   OTHER_OWNER uid owner                   the keys belong to this owner; nothing is changed
--   OPEN timeline                           the gate is open
--   WAIT claims                             the gate waits for more claims than these
--   FORK                                    the repaired log does not have what the pod holds: the pod rolls back
--   REGRESSED why                           the log lost entries; what the gate waits for
--   REPAIR why lost (pod at hash version)*  the pod repairs from these replica states, one for each cell

-- The identity of the data is checked before anything else (rules L24, L25).
local d = redis.call('HMGET', KEYS[1], 'shape', 'owner', 'ownerName', 'ownerSince', 'released', 'ver')
if d[6] and d[1] ~= ARGV[16] then return { 'OTHER_SHAPE', d[1] or '' } end
if d[2] and d[2] ~= ARGV[17] and d[5] ~= '1' and not (ARGV[20] == '1' and num(ARGV[19]) >= num(d[4])) then
  return { 'OTHER_OWNER', d[2], d[3] or '' }
end
if d[1] ~= ARGV[16] or d[2] ~= ARGV[17] or d[5] then
  redis.call('HSET', KEYS[1], 'shape', ARGV[16], 'owner', ARGV[17], 'ownerName', ARGV[18], 'ownerSince', ARGV[19])
  redis.call('HDEL', KEYS[1], 'released')
end
local inc, cell, cells, now = incarnation(), num(ARGV[2]), num(ARGV[10]), now_ms()
if redis.call('HGET', KEYS[2], 'inc') ~= inc then
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2], 'inc', inc, 'first', int(now))
end
local m = redis.call('HMGET', KEYS[1], 'inc', 'ver', 'repairing')
local g = redis.call('HMGET', KEYS[2], 'regressed', 'first', 'accepted', 'repairedIn', 'token', 'until', 'floors')
local floors = g[7] and cjson.decode(g[7]) or {}
local regressed, first, accepted, repaired_in, token, rebased = g[1], num(g[2]), g[3], g[4], g[5], m[3]
local s = load_cell(KEYS[3 + 2 * cell], KEYS[4 + 2 * cell])

local function claims()
  local all, list = redis.call('HGETALL', KEYS[2]), {}
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 2) == 'p:' then
      local c = cjson.decode(all[i + 1])
      c.pod = string.sub(all[i], 3)
      list[#list + 1] = c
    end
  end
  return list
end
local function above(a, b) -- positions: a later epoch is a later timeline
  local ea, eb = num(string.match(a, '^(%d+)')), num(string.match(b, '^(%d+)'))
  return ea > eb or (ea == eb and seq_of(a) > seq_of(b))
end
-- Opening the gate revokes every lead. Redis may have lost numbers of connections and batches; and a new lead is a new
-- epoch, so that its entries rank above every entry that a pod may hold beside them.
local function open()
  for c = 0, cells - 1 do redis.call('HSET', KEYS[3 + 2 * c], 'token', '') end
  return { 'OPEN', open_gate(KEYS[1], inc) }
end
-- Has the process that leads the cell claimed, the first entry of its lead included? If so, no entry above its claim was
-- acknowledged: the primary acknowledges an entry only after it has applied it.
local function told_by_primary(all, c)
  local w = redis.call('HMGET', KEYS[3 + 2 * c], 'token', 'epoch')
  for _, claim in ipairs(all) do
    if claim.cell == int(c) and w[1] and is_token_of(w[1], claim.pod, claim.process)
      and string.match(claim.known, '^(%d+)') == w[2] then return true end
  end
  return false
end
local function say(state)
  redis.call('HSET', KEYS[2], 'state', state)
  return { 'REGRESSED', why_closed(KEYS[2]) }
end
local function repair_or_wait()
  local all, best, top, settled = claims(), {}, {}, 0
  for _, c in ipairs(all) do
    if c.settled == '1' then settled = settled + 1 end
    local b = best[c.cell]
    if c.settled == '1' and (not b or above(c.at, b.at) or (c.at == b.at and c.pod < b.pod)) then best[c.cell] = c end
    if not top[c.cell] or above(c.known, top[c.cell].known) then top[c.cell] = c end
  end
  local given_up = accepted == inc and now - first >= num(ARGV[11])
  if not given_up and settled < num(ARGV[9]) then
    return say(int(settled) .. ' of ' .. ARGV[9] .. ' pods have said what they hold')
  end
  for c = 0, cells - 1 do
    if not best[int(c)] then return say('no pod of cell ' .. int(c) .. ' has said what it holds') end
  end
  local lost = {}
  for c = 0, cells - 1 do
    local b, known = best[int(c)], top[int(c)].known
    -- The meta may still have the head of a log that is gone. A repair that has begun writes the head, too.
    local head = not rebased and not told_by_primary(all, c) and redis.call('HGET', KEYS[3 + 2 * c], 'head') or '0-0'
    if above(head, known) then known = head end
    local short = above(known, b.at)
    -- A floor may be of another timeline: only its number of entries counts.
    if seq_of(floors[c + 1]) > seq_of(b.at) then known, short = floors[c + 1], true end
    if short then
      lost[#lost + 1] = 'cell ' .. int(c) .. ': no pod holds the entries after ' .. b.at .. ' up to ' .. known
    end
  end
  local text = table.concat(lost, '; ')
  if text ~= '' and not given_up then return say(text) end
  if token and token ~= ARGV[12] and now < num(g[6]) then return say('being repaired') end
  redis.call('HSET', KEYS[2], 'token', ARGV[12], 'until', int(now + num(ARGV[13])))
  local reply = { 'REPAIR', regressed, text }
  for c = 0, cells - 1 do
    for _, field in ipairs({ 'pod', 'at', 'hash', 'version' }) do reply[#reply + 1] = best[int(c)][field] end
  end
  return reply
end

local known, is_whole = ARGV[5], m[2] and whole(s)
local fits
if m[2] then fits = is_whole and seq_of(known) <= s.seq and holds(s, ARGV[3], ARGV[4]) and holds(s, known, ARGV[6])
else fits = known == '0-0' end
-- A repair that was not finished may have left sound logs and an incomplete directory.
if rebased then fits = false end
if not fits and not regressed then
  -- After a repair a pod may hold a replica state that the repair did not choose; the pod rolls back.
  if repaired_in == inc and m[1] == inc and is_whole then return { 'FORK' } end
  regressed = rebased and 'a repair of the log was not finished' or 'pod ' .. ARGV[1] .. ' holds ' .. known .. ', the log of cell ' .. ARGV[2]
    .. (is_whole and ' ends at ' .. s.head or ' has lost entries')
  close_gate(KEYS[1], KEYS[2], regressed)
end
redis.call('HSET', KEYS[2], 'p:' .. ARGV[1], cjson.encode({ cell = int(cell), at = ARGV[3], hash = ARGV[4], known = known,
  settled = ARGV[7], version = ARGV[8], process = ARGV[14], seen = ARGV[15] }))
if regressed then return repair_or_wait() end
if m[1] == inc then return { 'OPEN', redis.call('HGET', KEYS[1], 'timeline') or '0' } end

local claimed, count, taken, forgotten = {}, 0, num(redis.call('HGET', KEYS[1], 'taken')), false
for _, c in ipairs(claims()) do
  claimed[c.pod] = true
  count = count + 1
  if num(c.seen) > taken then forgotten = true end
end
local everyone = count >= num(ARGV[9])
if not m[2] then
  if not everyone then return { 'WAIT', int(count) } end
  create(KEYS[1], KEYS, cells)
  return open()
end
-- The last leader of a cell, by the meta, holds the most; a Redis that has lost a takeover names another pod.
local leaders = now - first >= num(ARGV[11]) and not forgotten
for c = 0, cells - 1 do
  local holder = redis.call('HGET', KEYS[3 + 2 * c], 'holder')
  if holder and holder ~= '' and not claimed[holder] then leaders = false end
end
if everyone or leaders then return open() end
return { 'WAIT', int(count) }
