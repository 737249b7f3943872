-- Functions of all scripts; scripts.ts puts them in front of each.
local function num(s) return tonumber(s or '0') or 0 end
local function int(n) return string.format('%.0f', n) end
local function seq_of(id) return num(string.match(id or '0-0', '%-(%d+)$')) end
local function now_ms()
  local t = redis.call('TIME')
  return num(t[1]) * 1000 + math.floor(num(t[2]) / 1000)
end
-- A restart changes run_id; REPLICAOF another and back changes master_replid while run_id stays.
local function incarnation()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') .. ':'
    .. string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
end
local function stream(log)
  if redis.call('EXISTS', log) == 0 then return { last = '', length = 0 } end
  local x, f = redis.call('XINFO', 'STREAM', log), {}
  for i = 1, #x, 2 do f[x[i]] = x[i + 1] end
  return { last = f['last-generated-id'], length = f['length'], first = f['first-entry'] and f['first-entry'][1] }
end
local function stream_last(log)
  if redis.call('EXISTS', log) == 0 then return '' end
  local x = redis.call('XINFO', 'STREAM', log)
  for i = 1, #x, 2 do if x[i] == 'last-generated-id' then return x[i + 1] end end
end
local function load_cell(meta, log)
  local m = redis.call('HMGET', meta, 'epoch', 'head', 'hash', 'bytes', 'trimBytes', 'trim', 'base', 'baseHash')
  return { meta = meta, log = log, epoch = m[1] or '0', head = m[2] or '0-0', seq = seq_of(m[2]), hash = m[3] or '',
    bytes = num(m[4]), trim_bytes = num(m[5]), trim = m[6] or '0-0', base = m[7], base_hash = m[8] }
end
-- Is this a lease token of the pod, and of its process if one is named? core/log/lease-token.ts makes them.
local function is_token_of(token, pod, start_id)
  local beginning = pod .. '#' .. (start_id and start_id .. '#' or '')
  return string.sub(token, 1, #beginning) == beginning
end
-- Does the stream have all entries from the trim position to the head? A log that another client trimmed, or cut holes into,
-- is not whole.
local function whole(s)
  local x = stream(s.log)
  return x.last == s.head and x.first and seq_of(x.first) <= seq_of(s.trim) + 1
    and x.length == seq_of(x.last) - seq_of(x.first) + 1
end
-- A new epoch, above every earlier one: entries from now on rank above every other timeline of the log.
local function next_epoch(s, other)
  s.epoch = int(math.max(num(s.epoch), num(string.match(other or '0-0', '^(%d+)')), now_ms() - 1) + 1)
  redis.call('HSET', s.meta, 'epoch', s.epoch)
end
-- An entry has four fields: its head, a text of all that it is beside its row; the hash; the bytes of the log so far; the row.
-- Replay reads hundreds of thousands a second, and each field costs it a part of that. The hash covers the entry before, the
-- id, the head and the row (log-entry.ts computes the same).
-- `idempotency` is the result of a request with an idempotency key by this entry, '' for none.
local function append(s, t, v, u, key, flag, row, idempotency)
  idempotency = idempotency or ''
  s.seq = s.seq + 1
  s.head = s.epoch .. '-' .. int(s.seq)
  local e = table.concat({ t, v, u, flag, idempotency, #key, key, '' }, '|')
  s.hash = string.sub(redis.sha1hex(table.concat({ s.hash, s.head, e .. row }, '|')), 1, 20)
  s.bytes = s.bytes + #key + #row + #idempotency + 128
  redis.call('XADD', s.log, s.head, 'e', e, 'h', s.hash, 'z', int(s.bytes), 'd', row)
end
local function save_cell(s)
  redis.call('HSET', s.meta, 'head', s.head, 'hash', s.hash, 'bytes', int(s.bytes))
end
-- Is the entry (id, hash) in the log? Below the trim position the log has no evidence: no contradiction. A log that a repair
-- replaced starts after `base`, the last entry of the replica state that it continues.
local function holds(s, id, hash)
  if id == s.base then return hash == s.base_hash end
  if id == '0-0' or seq_of(id) < seq_of(s.trim) then return true end
  local e = redis.call('XRANGE', s.log, id, id)[1]
  if not e then return false end
  for i = 1, #e[2], 2 do if e[2][i] == 'h' then return e[2][i + 1] == hash end end
  return false
end
-- Do the keys belong to this VectorCluster? If they have no owner yet, a claim comes first (rule L25).
local function owned_by(meta, uid) return redis.call('HGET', meta, 'owner') == uid end
-- First entries of all logs of a new collection.
local function create(meta, keys, cells)
  for c = 0, cells - 1 do
    local s = load_cell(keys[3 + 2 * c], keys[4 + 2 * c])
    append(s, 'I', '0', '0', '', '', '')
    save_cell(s)
  end
  redis.call('HSET', meta, 'ver', '0', 'cv', '0', 'moving', '0', 'rows', '0', 'redundant', '0')
end
-- Opens the gate on a new timeline: Redis may have lost entries that no pod had read, and other entries will get their
-- positions.
local function open_gate(meta, inc)
  local timeline = int(math.max(num(redis.call('HGET', meta, 'timeline')) + 1, now_ms()))
  redis.call('HSET', meta, 'inc', inc, 'timeline', timeline)
  return timeline
end
local function forget_claims(gate)
  local all = redis.call('HGETALL', gate)
  for i = 1, #all, 2 do if string.sub(all[i], 1, 2) == 'p:' then redis.call('HDEL', gate, all[i]) end end
end
-- Closes the gate: every pod must claim again.
local function close_gate(meta, gate, why)
  forget_claims(gate)
  redis.call('HSET', gate, 'regressed', why, 'first', int(now_ms()))
  redis.call('HDEL', gate, 'state', 'repairedIn')
  redis.call('HDEL', meta, 'inc')
end
-- Why the gate stays closed, and what it waits for; '' if it is open or about to open.
local function why_closed(gate)
  local g = redis.call('HMGET', gate, 'regressed', 'state')
  return g[1] and g[1] .. '; ' .. (g[2] or 'the copies are being compared') or ''
end
-- Is this the pod that repairs now? Each of its steps extends its time, after which another pod may begin the repair again.
local function repairing(gate, token, ms)
  local g = redis.call('HMGET', gate, 'inc', 'token')
  if g[1] ~= incarnation() or g[2] ~= token then return false end
  redis.call('HSET', gate, 'until', int(now_ms() + num(ms)))
  return true
end
-- Redis may have lost the first step of a repair with all that followed: a step counts only in its own incarnation.
local function begun(meta, gate, token, ms)
  return repairing(gate, token, ms) and redis.call('HGET', meta, 'repairing') == token .. ' ' .. incarnation()
end
