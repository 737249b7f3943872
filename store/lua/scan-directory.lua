#!lua flags=allow-oom,no-writes
-- Scans buckets of the directory, one after the other, for ids that a cell holds, until enough entries were read.
--
-- KEYS[1...]  bucket  of the directory
--
-- ARGV[1]  cell   whose ids are wanted
-- ARGV[2]  limit  entries after which no further bucket is read
--
-- Returns one of:
--   OK buckets key*  number of buckets that were read; ids that the cell holds
local cell, reply, seen, read = ARGV[1], { 'OK', '0' }, 0, 0
-- Most buckets of a small directory are empty: one question about several of them costs no more than the first read of one.
local ASKED = 32
-- The simulation runs a younger Lua, where it has another name.
local unpack = unpack or table.unpack
local function scan(bucket)
  local all = redis.call('HGETALL', bucket)
  for i = 1, #all, 2 do
    local o, c, l = string.match(all[i + 1], '^([^|]*)|([^|]*)|([^|]*)|')
    if o == cell or c == cell or l == cell then reply[#reply + 1] = all[i] end
    seen = seen + 1
  end
end
while read < #KEYS and seen < num(ARGV[2]) do
  local to = math.min(#KEYS, read + ASKED)
  if redis.call('EXISTS', unpack(KEYS, read + 1, to)) == 0 then
    read = to
  else
    while read < to and seen < num(ARGV[2]) do
      read = read + 1
      scan(KEYS[read])
    end
  end
end
reply[2] = int(read)
return reply
