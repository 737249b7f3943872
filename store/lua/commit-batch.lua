#!lua
-- The sequencer: appends a batch to the log of every cell that it touches and updates the directory, all or nothing.
--
-- KEYS[1]     meta             hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]     gate             hash of the gate: why it is closed, claims, the running repair
-- KEYS[3+2c]  cellMeta         hash of cell c: epoch, token, log tip, trim position
-- KEYS[4+2c]  log              stream of cell c
-- KEYS[3+2C]  idempotency      sorted set of the idempotency records by the time of their end, with C cells
-- KEYS[...]   bucket | record  buckets of the directory and idempotency records, which operations name by their place
--
-- ARGV[1]    cell              of the primary that commits
-- ARGV[2]    cells             number of cells
-- ARGV[3]    token             lease token of the primary
-- ARGV[4]    connection        number of the primary's connection
-- ARGV[5]    batch             number of the batch
-- ARGV[6]    lastId            position of the last entry that the primary has applied
-- ARGV[7]    lastHash          of that entry
-- ARGV[8]    redundancyBound   spills per row, on average, at most
-- ARGV[9]    budget            bytes of a log above its trim position, at most
-- ARGV[10]   idempotencyTtlMs  how long an idempotency record is kept, ms
-- ARGV[11]   idempotencyMax    idempotency records, at most
-- ARGV[12]   operations        number of operations; each has ten ARGV, from b = 13+10i on
-- ARGV[b]    type              U upsert, P payload edit, D delete, M move, L drop source row
-- ARGV[b+1]  key               of the id
-- ARGV[b+2]  bucket            place of its directory bucket in KEYS
-- ARGV[b+3]  owner             cell of the row; U and M
-- ARGV[b+4]  spill             cell of the redundant row, '' for none; U and M
-- ARGV[b+5]  expect            '' nothing, o<ordering version>, v<user version> (0: the id is absent)
-- ARGV[b+6]  centroidVersion   by which owner and spill were chosen; U and M
-- ARGV[b+7]  row               encoded row, U and M; the new payload, P
-- ARGV[b+8]  record            place of the idempotency record in KEYS, '' for none
-- ARGV[b+9]  digest            of the request with the idempotency key
--
-- Returns one of:
--   OK results#heads#centroidVersion#rows#timeline  the batch is appended; heads: <cell>=<seq> by ';', results by ';', see below
--   GATE                                            the gate is closed
--   FENCED epoch                                    another token has the lead of the cell, in this epoch
--   CONNECTION connection                           another connection has been registered since (rule L4)
--   BATCH last                                      the batch does not follow this one
--   CORRUPT cell                                    the log of the cell is not what its meta or the primary holds
--   WAL_BUDGET cell                                 the log of the cell has no room for the batch
--
-- A result is one of:
--   A<user version>,<ordering version>,<cells by '.'>  applied, in these cells
--   C<user version>                                    conflict with the version that the id has
--   S                                                  the centroid version is no longer current
--   N                                                  the id is absent
--   K                                                  the idempotency key belongs to another request
--   F                                                  as many idempotency records as there may be
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
  if t == 'U' or t == 'P' then added[cell] = (added[cell] or 0) + #row + #key + 128 else added[cell] = added[cell] or 0 end
end
local function current(key, bucket)
  local seen = values[key]
  if seen then return seen end
  local raw = redis.call('HGET', bucket, key)
  if not raw then return { owner = '-', spill = '', source = '', uver = '0', over = '0', bucket = bucket } end
  local o, c, l, u, v = string.match(raw, '^([^|]*)|([^|]*)|([^|]*)|(%d+)|(%d+)$')
  return { owner = o, spill = c, source = l, uver = u, over = v, bucket = bucket }
end
-- Appends the row in every cell that is to hold it, and a tombstone, which names the new owner, in every other cell that
-- has held it (rules L6, L7). Of an edit the entry has the payload alone, and names the version of the row that it changes (L27).
local function place(key, cur, new, row, t)
  local base = t == 'P' and cur.over or ''
  local keep, touched = {}, {}
  local function put(cell, flag)
    if cell ~= '' and not keep[cell] then
      keep[cell] = true
      plan(num(cell), t, new.over, new.uver, key, flag .. base, row)
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
  if (t == 'D' or t == 'P') and not live then return 'N' end
  ver = ver + 1
  local v = int(ver)
  if t == 'D' then return place(key, cur, { owner = '-', spill = '', source = '', uver = v, over = v }, '', 'U') end
  if t == 'P' then
    return place(key, cur, { owner = cur.owner, spill = cur.spill, source = cur.source, uver = v, over = v }, row, t)
  end
  local r, c = rows + (live and 0 or 1), redundant - (cur.spill ~= '' and 1 or 0)
  if spill ~= '' and (spill == owner or c + 1 > num(ARGV[8]) * r) then spill = '' end
  local new = { owner = owner, spill = spill, source = '', uver = v, over = v }
  if t == 'M' then
    new.uver = cur.uver
    if owner ~= ARGV[1] and spill ~= ARGV[1] then new.source = ARGV[1] end
  end
  return place(key, cur, new, row, 'U')
end
-- The idempotency records that operations name, with what this batch adds to them (rule L20).
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
  -- Only the entries that carry out the operation get the record: a repair that drops them drops the record (rule L20).
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
-- All checks have passed: from here on only writes.
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
