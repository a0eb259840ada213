-- role, replica, ttl
local key = base .. 'l:' .. ARGV[4]
local held = redis.call('HMGET', key, 'replica', 'fence', 'until')
local fence = tonumber(held[2] or '0')
if held[1] and now < tonumber(held[3]) then
  if held[1] ~= ARGV[5] then
    return ''
  end
else
  fence = math.max(micros, fence + 1)
end
redis.call('HSET', key, 'replica', ARGV[5], 'fence', num(fence), 'until', num(now + tonumber(ARGV[6])))
return num(fence)
