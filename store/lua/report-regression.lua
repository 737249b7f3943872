#!lua flags=allow-oom
-- Somebody outside has seen entries that a log does not reach: the gate closes, and the pods say what they hold. What nobody
-- holds of it waits for a person like any other loss (rule L15), even where every volume is gone.
-- KEYS meta gate (cellMeta log)*   ARGV cells uid then for each cell: position that was seen at its head   -> OK why | SOUND | CLOSED | OTHER
local cells, floors, why = num(ARGV[1]), {}, nil
if redis.call('HGET', KEYS[1], 'inc') ~= incarnation() then return { 'CLOSED' } end
if not owned_by(KEYS[1], ARGV[2]) then return { 'OTHER' } end
for c = 0, cells - 1 do
  local seen, head = ARGV[3 + c], redis.call('HGET', KEYS[3 + 2 * c], 'head') or '0-0'
  floors[c + 1] = seen
  if not why and seq_of(seen) > seq_of(head) then
    why = 'the log of cell ' .. int(c) .. ' ends at ' .. head .. ', and ' .. seen .. ' was seen in it'
  end
end
if not why then return { 'SOUND' } end
close_gate(KEYS[1], KEYS[2], why)
redis.call('HSET', KEYS[2], 'inc', incarnation(), 'floors', cjson.encode(floors))
return { 'OK', why }
