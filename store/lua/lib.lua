-- Shared by all scripts: the loader puts it in front of each.
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
local function stream_last(log)
  if redis.call('EXISTS', log) == 0 then return '' end
  local x = redis.call('XINFO', 'STREAM', log)
  for i = 1, #x, 2 do if x[i] == 'last-generated-id' then return x[i + 1] end end
end
local function load_cell(meta, log)
  local m = redis.call('HMGET', meta, 'epoch', 'head', 'hash', 'bytes', 'trimBytes', 'trim')
  return { meta = meta, log = log, epoch = m[1] or '0', head = m[2] or '0-0', seq = seq_of(m[2]), hash = m[3] or '',
    bytes = num(m[4]), trim_bytes = num(m[5]), trim = m[6] or '0-0' }
end
-- The hash covers the entry before, the id and every field but the byte count (log-entry.ts computes the same).
local function append(s, t, v, u, key, flag, row)
  s.seq = s.seq + 1
  s.head = s.epoch .. '-' .. int(s.seq)
  s.hash = string.sub(redis.sha1hex(table.concat({ s.hash, s.head, t, v, u, flag, #key, key, row }, '|')), 1, 20)
  s.bytes = s.bytes + #key + #row + 128
  redis.call('XADD', s.log, s.head, 't', t, 'v', v, 'u', u, 'i', key, 'f', flag, 'h', s.hash, 'z', int(s.bytes), 'd', row)
end
local function save_cell(s)
  redis.call('HSET', s.meta, 'head', s.head, 'hash', s.hash, 'bytes', int(s.bytes))
end
-- Is the entry (id, hash) in the log? Below the trim point nothing can be said, which is no contradiction.
local function holds(s, id, hash)
  if id == '0-0' or seq_of(id) < seq_of(s.trim) then return true end
  local e = redis.call('XRANGE', s.log, id, id)[1]
  if not e then return false end
  for i = 1, #e[2], 2 do if e[2][i] == 'h' then return e[2][i + 1] == hash end end
  return false
end
-- First entries of all logs of a new collection.
local function create(meta, keys, cells)
  for c = 0, cells - 1 do
    local s = load_cell(keys[3 + 2 * c], keys[4 + 2 * c])
    append(s, 'I', '0', '0', '', '', '')
    save_cell(s)
  end
  redis.call('HSET', meta, 'ver', '0', 'cv', '0', 'moving', '0', 'rows', '0', 'copies', '0')
end
