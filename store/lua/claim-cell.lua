#!lua flags=allow-oom
-- A pod says how far its copy of a cell reaches. The gate of this incarnation opens when the log has it all (rules L13, L14);
-- where it has not, the fullest copies are chosen, and one of their pods is told to repair the log from them (L15, L21).
-- KEYS meta gate (cellMeta log)*
-- ARGV pod cell at hash known knownHash settled(1: has read the log as far as it continues its copy) version knownPods cells
--      windowMs token repairMs process seen(the last takeover in any cell that the pod knows of)
--      shape uid owner since ownRedis(1)
--      `at` is the copy's position; `known` the highest that the pod knows of, which a former process may have reached
-- -> OTHER_SHAPE shape | OTHER_OWNER uid owner | OPEN timeline | WAIT claims | FORK | REGRESSED why | REPAIR why lost (pod at hash version, for each cell)*
-- Before anything else: whose keys are these, and what do they hold (rules L24, L25)?
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
-- No lead outlives the closed gate. Redis may have lost what it knew of connections and batches; and a new lead is a new
-- epoch, so that whatever is appended ranks above anything that a pod may hold beside it.
local function open()
  for c = 0, cells - 1 do redis.call('HSET', KEYS[3 + 2 * c], 'token', '') end
  return { 'OPEN', open_gate(KEYS[1], inc) }
end
-- Does the process that leads the cell say what it has applied, the first entry of its lead included? Nothing else of the
-- cell can have been acknowledged, then: an entry that it has not read was promised to nobody.
local function told_by_primary(all, c)
  local w = redis.call('HMGET', KEYS[3 + 2 * c], 'token', 'epoch')
  for _, claim in ipairs(all) do
    local process = claim.pod .. '#' .. claim.process .. '#'
    if claim.cell == int(c) and w[1] and string.sub(w[1], 1, #process) == process
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
    -- What the log was may still be written where the log itself is gone. A repair that has begun writes there, too.
    local head = not rebased and not told_by_primary(all, c) and redis.call('HGET', KEYS[3 + 2 * c], 'head') or '0-0'
    if above(head, known) then known = head end
    local short = above(known, b.at)
    -- What somebody outside has seen may be of another timeline: only the number of entries counts.
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
-- The logs may be sound again, and the directory not yet.
if rebased then fits = false end
if not fits and not regressed then
  -- After a repair a pod may hold what the repair did not choose; it is for the pod to step back.
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
-- Who led last, by what Redis knows, holds the most; a Redis that has forgotten a takeover does not know who that is.
local leaders = now - first >= num(ARGV[11]) and not forgotten
for c = 0, cells - 1 do
  local holder = redis.call('HGET', KEYS[3 + 2 * c], 'holder')
  if holder and holder ~= '' and not claimed[holder] then leaders = false end
end
if everyone or leaders then return open() end
return { 'WAIT', int(count) }
