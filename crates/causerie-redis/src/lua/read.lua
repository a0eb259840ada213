-- id, which chunks: 'all', 'ends' (the first and the last), 'last', 'none'; '1' to read mail; '1' to
-- take a number for a record that will be written; how many records are kept. 'ends' and 'last' have
-- the newest chunk besides whose records are too many, if there is one.
local c = load(ARGV[4])
local numbers, turns = {}, {}
for n, count in string.gmatch(c.index, '(%d+),%d+,%d+,%d+,(%d+)') do
  numbers[#numbers + 1], turns[#turns + 1] = n, tonumber(count)
end
local wanted = {}
if ARGV[5] == 'all' then
  wanted = numbers
elseif #numbers > 0 and ARGV[5] ~= 'none' then
  local newer, surplus = turns[#numbers], nil
  for i = #numbers - 1, 1, -1 do
    if newer >= tonumber(ARGV[8]) and turns[i] > 0 then
      surplus = i
      break
    end
    newer = newer + turns[i]
  end
  if ARGV[5] == 'ends' and #numbers > 1 then
    wanted[1] = numbers[1]
  end
  if surplus and wanted[1] ~= numbers[surplus] then
    wanted[#wanted + 1] = numbers[surplus]
  end
  wanted[#wanted + 1] = numbers[#numbers]
end
local chunks = {}
for i, n in ipairs(wanted) do
  chunks[i] = { n, chunk(c, n) }
end
local waiting = {}
if ARGV[6] == '1' then
  for i, e in ipairs(entries(c)) do
    waiting[i] = { num(e.number), redis.call('HGET', c.key, 'e' .. num(e.number)) or '' }
  end
end
local at = c.known and ARGV[7] == '1' and tick() or micros
return {
  {
    num(c.version), num(c.mailversion), num(c.fence), num(c.held), num(c.taken), num(c.seq),
    num(c.messages), num(at), num(now),
  },
  c.index, c.state, waiting, chunks, c.known and '1' or '0',
}
