-- name, until when it is kept, and how many more belong to it: of a budget what was used; of a
-- reservation whether it was settled, and the name and amount of each budget it took from
local at = 4
while at <= #ARGV do
  local key, ttl, more = base .. ARGV[at], tonumber(ARGV[at + 1]) - now, tonumber(ARGV[at + 2])
  local value = ARGV[at + 3]
  if string.sub(ARGV[at], 1, 1) == 'r' then
    local taken = { tonumber(value) }
    for n = at + 4, at + 2 + more, 2 do
      taken[#taken + 1] = base .. ARGV[n]
      taken[#taken + 1] = tonumber(ARGV[n + 1])
    end
    value = cmsgpack.pack(taken)
  end
  if ttl > 0 then
    redis.call('SET', key, value, 'PX', num(ttl))
  end
  at = at + 3 + more
end
return 'done'
