#!lua flags=allow-oom,no-writes
-- The ids that the directory says a cell holds: from buckets one after the other, until so many ids were looked at.
-- KEYS bucket*   ARGV cell ids   -> OK buckets read, then the ids
local cell, reply, seen, read = ARGV[1], { 'OK', '0' }, 0, 0
for _, bucket in ipairs(KEYS) do
  local all = redis.call('HGETALL', bucket)
  for i = 1, #all, 2 do
    local o, c, l = string.match(all[i + 1], '^([^|]*)|([^|]*)|([^|]*)|')
    if o == cell or c == cell or l == cell then reply[#reply + 1] = all[i] end
    seen = seen + 1
  end
  read = read + 1
  if seen >= num(ARGV[2]) then break end
end
reply[2] = int(read)
return reply
