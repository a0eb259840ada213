-- id, fence, when to go on or '', '1' if the attempt counts
local c = load(ARGV[4])
if not holds(c, ARGV[5]) then
  return 'stale'
end
c.held, c.deadline = 0, 0
if ARGV[6] ~= '' then
  c.retry = math.max(tonumber(ARGV[6]), 0)
end
if ARGV[7] ~= '1' then
  c.attempts = math.max(c.attempts - 1, 0)
end
save(c)
return 'released'
