-- id, fence, token of this call, entry
local c = load(ARGV[4])
if not holds(c, ARGV[5]) then
  return 'stale'
end
if num(c.token) ~= ARGV[6] then
  c.notes, c.token = c.notes + 1, tonumber(ARGV[6])
  redis.call('HSET', c.key, 'j' .. num(c.notes), ARGV[7])
  save(c)
end
return 'noted'
