-- id, fence, ttl
local c = load(ARGV[4])
if not holds(c, ARGV[5]) then
  return 'stale'
end
c.deadline = now + tonumber(ARGV[6])
save(c)
for _, e in ipairs(entries(c)) do
  if e.stop and e.number > c.taken then
    return 'stop'
  end
end
return 'kept'
