-- how long reservations are remembered, then names of budgets (b:), reservations (r:) and leases (l:).
-- Of a budget: what was used. Of a reservation: whether it was settled, when it was made, and the name
-- and amount of each budget it took from. Of a lease: whether it holds. Nothing of what is not there.
local answers = {}
for i = 5, #ARGV do
  local key, kind, answer = base .. ARGV[i], string.sub(ARGV[i], 1, 1), {}
  if kind == 'b' then
    answer[1] = redis.call('GET', key) or nil
  elseif kind == 'l' then
    local till = redis.call('HGET', key, 'until')
    answer[1] = till and now < tonumber(till) and '1' or nil
  else
    local found = redis.call('GET', key)
    if found then
      local taken = cmsgpack.unpack(found)
      answer[1] = num(taken[1])
      answer[2] = num(now + redis.call('PTTL', key) - tonumber(ARGV[4]))
      for n = 2, #taken, 2 do
        answer[n + 1] = string.sub(taken[n], #base + 1)
        answer[n + 2] = num(taken[n + 1])
      end
    end
  end
  answers[i - 4] = answer
end
return answers
