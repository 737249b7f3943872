#!lua
-- The sequencer: appends a batch to the log of every cell that it touches and updates the directory, all or nothing.
-- KEYS meta gate (cellMeta log)* idempotency (directoryBucket | idempotencyRecord)*
-- ARGV cell cells token connection batch lastId lastHash redundancyBound budget idempotencyTtlMs idempotencyMax operations,
--      then for each: type(U upsert, D delete, M move, L drop source) key bucketKeyIndex owner spill expect centroidVersion row
--                     idempotencyKeyIndex idempotencyDigest
--      expect: '' none, o<ordering version>, v<user version> (0: absent); idempotencyKeyIndex '': no idempotency key
-- -> OK results#heads#centroidVersion#rows#timeline | GATE | FENCED epoch | CONNECTION | BATCH last | CORRUPT cell | WAL_BUDGET cell
--    results by ';': A<user version>,<ordering version>,<touched cells by '.'> | C<user version> conflict | S stale topology | N absent
--                    | K idempotency key of another request | F too many idempotency keys
local me, cells = num(ARGV[1]), num(ARGV[2])
local m = redis.call('HMGET', KEYS[1], 'inc', 'ver', 'cv', 'rows', 'redundant', 'timeline')
if m[1] ~= incarnation() then return { 'GATE' } end
local own = load_cell(KEYS[3 + 2 * me], KEYS[4 + 2 * me])
local w = redis.call('HMGET', own.meta, 'token', 'conn', 'batch')
if w[1] ~= ARGV[3] then return { 'FENCED', own.epoch } end
if w[2] ~= ARGV[4] then return { 'CONNECTION', w[2] or '' } end
if num(w[3]) + 1 ~= num(ARGV[5]) then return { 'BATCH', w[3] or '0' } end
if seq_of(ARGV[6]) > own.seq or not holds(own, ARGV[6], ARGV[7]) then return { 'CORRUPT', ARGV[1] } end

local ver, rows, redundant = num(m[2]), num(m[4]), num(m[5])
local state, added, appends, results, values = { [me] = own }, {}, {}, {}, {}
local function plan(cell, t, v, u, key, flag, row)
  appends[#appends + 1] = { cell, t, v, u, key, flag, row }
  if t == 'U' then added[cell] = (added[cell] or 0) + #row + #key + 128 else added[cell] = added[cell] or 0 end
end
local function current(key, bucket)
  local seen = values[key]
  if seen then return seen end
  local raw = redis.call('HGET', bucket, key)
  if not raw then return { owner = '-', spill = '', source = '', uver = '0', over = '0', bucket = bucket } end
  local o, c, l, u, v = string.match(raw, '^([^|]*)|([^|]*)|([^|]*)|(%d+)|(%d+)$')
  return { owner = o, spill = c, source = l, uver = u, over = v, bucket = bucket }
end
-- Writes the row to every new holder and a tombstone, which names the new owner, to every old one that is no holder any
-- more (rules L6, L7).
local function place(key, cur, new, row)
  local keep, touched = {}, {}
  local function put(cell, flag)
    if cell ~= '' and not keep[cell] then
      keep[cell] = true
      plan(num(cell), 'U', new.over, new.uver, key, flag, row)
      touched[#touched + 1] = cell
    end
  end
  if new.owner ~= '-' then put(new.owner, 'o') put(new.spill, 'c') put(new.source, 'l') end
  for _, cell in ipairs({ cur.owner, cur.spill, cur.source }) do
    if cell ~= '-' and cell ~= '' and not keep[cell] then
      keep[cell] = true
      plan(num(cell), 'T', new.over, new.uver, key, new.owner == '-' and '' or new.owner, '')
      touched[#touched + 1] = cell
    end
  end
  if cur.owner ~= '-' then rows = rows - 1 end
  if cur.spill ~= '' then redundant = redundant - 1 end
  if new.owner ~= '-' then rows = rows + 1 end
  if new.spill ~= '' then redundant = redundant + 1 end
  new.bucket = cur.bucket
  values[key] = new
  return 'A' .. new.uver .. ',' .. new.over .. ',' .. table.concat(touched, '.')
end
local function decide(t, key, cur, owner, spill, expect, cv, row)
  if cv ~= '' and cv ~= m[3] then return 'S' end
  local live = cur.owner ~= '-'
  if expect ~= '' then
    local given, kind = string.sub(expect, 2), string.sub(expect, 1, 1)
    local have = kind == 'o' and cur.over or (live and cur.uver or '0')
    if given ~= have or (kind == 'o' and not live) then return 'C' .. (live and cur.uver or '0') end
  end
  if t == 'L' then
    if cur.source ~= ARGV[1] then return 'C' .. cur.uver end
    ver = ver + 1
    plan(me, 'T', int(ver), cur.uver, key, cur.owner, '')
    cur.source = ''
    values[key] = cur
    return 'A' .. cur.uver .. ',' .. cur.over .. ',' .. ARGV[1]
  end
  if t == 'D' and not live then return 'N' end
  ver = ver + 1
  local v = int(ver)
  if t == 'D' then return place(key, cur, { owner = '-', spill = '', source = '', uver = v, over = v }, '') end
  local r, c = rows + (live and 0 or 1), redundant - (cur.spill ~= '' and 1 or 0)
  if spill ~= '' and (spill == owner or c + 1 > num(ARGV[8]) * r) then spill = '' end
  local new = { owner = owner, spill = spill, source = '', uver = v, over = v }
  if t == 'M' then
    new.uver = cur.uver
    if owner ~= ARGV[1] and spill ~= ARGV[1] then new.source = ARGV[1] end
  end
  return place(key, cur, new, row)
end
-- What requests with an idempotency key have done already: their records, with what this batch adds (rule L20).
local records, now = {}, now_ms()
local idempotencySet = KEYS[3 + 2 * cells]
local function record_of(at)
  local r = records[at]
  if r then return r end
  r = { key = KEYS[num(at)], added = {} }
  r.name = string.match(r.key, '[^:]*$')
  r.digest = redis.call('HGET', r.key, 'digest') or ''
  records[at] = r
  return r
end
local function decide_idempotent(i)
  local b = 13 + 10 * i
  local key, at = ARGV[b + 1], ARGV[b + 8]
  local r = at ~= '' and record_of(at)
  if r then
    if r.digest == '' then
      if redis.call('ZCOUNT', idempotencySet, now, '+inf') >= num(ARGV[11]) then return 'F' end
      r.digest = ARGV[b + 9]
    end
    if r.digest ~= ARGV[b + 9] then return 'K' end
    local done = r.added[key] or redis.call('HGET', r.key, 'p' .. key)
    if done then
      for cell in string.gmatch(string.match(done, ',([%d%.]*)$') or '', '%d+') do added[num(cell)] = added[num(cell)] or 0 end
      return done
    end
  end
  local before = #appends
  local result = decide(ARGV[b], key, current(key, KEYS[num(ARGV[b + 2])]), ARGV[b + 3], ARGV[b + 4], ARGV[b + 5], ARGV[b + 6], ARGV[b + 7])
  if not r or not (string.sub(result, 1, 1) == 'A' or result == 'N') then return result end
  r.added[key] = result
  if result == 'N' then plan(me, 'N', int(ver), '0', key, '', '') end
  -- On the entries that are what was done, and on no others: a repair that undoes it forgets it (rule L20).
  local idempotency = table.concat({ r.name, r.digest, int(now), result }, ':')
  for j = before + 1, #appends do
    local a = appends[j]
    if a[2] ~= 'T' or a[6] == '' then a[8] = idempotency end
  end
  return result
end
for i = 0, num(ARGV[12]) - 1 do results[i + 1] = decide_idempotent(i) end
for cell, bytes in pairs(added) do
  local s = state[cell] or load_cell(KEYS[3 + 2 * cell], KEYS[4 + 2 * cell])
  state[cell] = s
  if stream_last(s.log) ~= s.head then return { 'CORRUPT', int(cell) } end
  if bytes > 0 and s.bytes - s.trim_bytes + bytes > num(ARGV[9]) then return { 'WAL_BUDGET', int(cell) } end
end
-- Every check is behind us: from here on only writes.
for _, a in ipairs(appends) do append(state[a[1]], a[2], a[3], a[4], a[5], a[6], a[7], a[8]) end
local heads = {}
for cell in pairs(added) do
  save_cell(state[cell])
  heads[#heads + 1] = int(cell) .. '=' .. int(state[cell].seq)
end
for key, d in pairs(values) do
  redis.call('HSET', d.bucket, key, table.concat({ d.owner, d.spill, d.source, d.uver, d.over }, '|'))
end
for _, r in pairs(records) do
  for key, result in pairs(r.added) do
    redis.call('HSET', r.key, 'digest', r.digest, 'p' .. key, result)
    redis.call('PEXPIRE', r.key, ARGV[10])
    redis.call('ZADD', idempotencySet, now + num(ARGV[10]), r.key)
  end
end
if next(records) then redis.call('ZREMRANGEBYSCORE', idempotencySet, '-inf', now) end
redis.call('HSET', KEYS[1], 'ver', int(ver), 'rows', int(rows), 'redundant', int(redundant))
local reply = table.concat(results, ';') .. '#' .. table.concat(heads, ';') .. '#' .. m[3] .. '#' .. int(rows) .. '#' .. (m[6] or '0')
redis.call('HSET', own.meta, 'batch', ARGV[5], 'result', reply)
return { 'OK', reply }
