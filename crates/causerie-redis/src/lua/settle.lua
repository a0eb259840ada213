-- id, then what was used of each charge
local id = base .. 'r:' .. ARGV[4]
local found = redis.call('GET', id)
if not found then
  return 'unknown'
end
local taken = cmsgpack.unpack(found)
if taken[1] == 1 then
  return 'settled'
end
for i = 2, #taken, 2 do
  local used = ARGV[4 + i / 2]
  local now_used = used and redis.call('GET', taken[i])
  if now_used then
    local left = math.max(tonumber(now_used) - tonumber(taken[i + 1]), 0)
    redis.call('SET', taken[i], num(math.min(left + tonumber(used), 9007199254740992)), 'KEEPTTL')
  end
end
taken[1] = 1
redis.call('SET', id, cmsgpack.pack(taken), 'KEEPTTL')
return 'done'
