#!lua flags=allow-oom
-- Closes the gate if a log ends before an entry that was seen in it; the pods then claim their replica states. The repair waits
-- for an administrator if no pod has the entry (rule L15), even if every volume is lost.
--
-- KEYS[1]     meta      hash of the collection: incarnation, versions, counters, owner
-- KEYS[2]     gate      hash of the gate: why it is closed, claims, the running repair
-- KEYS[3+2c]  cellMeta  hash of cell c: epoch, token, log tip, trim position
-- KEYS[4+2c]  log       stream of cell c
--
-- ARGV[1]    cells  number of cells
-- ARGV[2]    uid    of the owner
-- ARGV[3+c]  seen   position that was seen at the head of cell c; 0-0 for none
--
-- Returns one of:
--   OK why  the gate is closed for this reason
--   SOUND   every log reaches what was seen
--   CLOSED  the gate was closed already
--   OTHER   the keys belong to another owner
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
