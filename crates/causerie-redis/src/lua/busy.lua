-- How many claims hold.
local claims = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', DUE, '(' .. num(now), '+inf')) do
  local c = load(id)
  if c.held == 1 and c.deadline > now then
    claims = claims + 1
  end
end
return num(claims)
