#!lua flags=allow-oom
-- A person gives up what Redis lost: the gate opens on what the log has. KEYS meta gate (cellMeta log)*  ARGV cells
-- -> OK what | OPEN (nothing was lost)
local inc, cells = incarnation(), num(ARGV[1])
local why = redis.call('HGET', KEYS[2], 'regressed')
if redis.call('HGET', KEYS[1], 'inc') == inc then return { 'OPEN' } end
if not redis.call('HGET', KEYS[1], 'ver') then create(KEYS[1], KEYS, cells) end
for c = 0, cells - 1 do
  local s = load_cell(KEYS[3 + 2 * c], KEYS[4 + 2 * c])
  local last = stream_last(s.log)
  if last ~= s.head then -- the stream itself was tampered with: start it again above everything that was in it
    redis.call('DEL', s.log)
    s.epoch, s.seq, s.hash = int(now_ms()), math.max(s.seq, seq_of(last)), ''
    append(s, 'I', '0', '0', '', '', '')
    redis.call('HSET', s.meta, 'epoch', s.epoch, 'trim', '0-0', 'trimBytes', int(s.bytes))
    save_cell(s)
  end
end
redis.call('HSET', KEYS[1], 'inc', inc)
redis.call('HINCRBY', KEYS[1], 'era', 1) -- what sessions saw before may be gone
redis.call('HSET', KEYS[2], 'inc', inc, 'accepted', inc)
redis.call('HDEL', KEYS[2], 'regressed')
return { 'OK', why or '' }
