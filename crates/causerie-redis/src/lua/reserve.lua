-- id, how long to remember it, then key, capacity, window and amount of each charge
local LENGTH = { minute = 60000, hour = 3600000, day = 86400000 }

-- The first day of the month that holds a day, both counted from the epoch. Howard Hinnant's
-- algorithm: years begin in March, so that the leap day is the last one.
local function first_of_month(day)
  local z = day + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor(
    (doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local month = math.floor((5 * doy + 2) / 153)
  return day - (doy - math.floor((153 * month + 2) / 5))
end

local function window(kind)
  local length = LENGTH[kind]
  if length then
    local start = now - now % length
    return start, start + length
  end
  local first = first_of_month(math.floor(now / LENGTH.day))
  -- The first of a month and 31 days lie in the next month, whatever its length.
  return first * LENGTH.day, first_of_month(first + 31) * LENGTH.day
end

local id = base .. 'r:' .. ARGV[4]
if redis.call('EXISTS', id) == 1 then
  return { 'granted' }
end
local charges, used = {}, {}
for i = 6, #ARGV, 4 do
  local start, stop = window(ARGV[i + 2])
  local key, amount = base .. 'b:' .. num(start) .. ':' .. ARGV[i], tonumber(ARGV[i + 3])
  used[key] = used[key] or tonumber(redis.call('GET', key) or '0')
  if used[key] + amount > tonumber(ARGV[i + 1]) then
    return { 'refused', ARGV[i], num(stop) }
  end
  used[key] = used[key] + amount
  charges[#charges + 1] = { key = key, amount = amount, stop = stop }
end
local taken = { 0 }
for _, charge in ipairs(charges) do
  -- A late settlement still finds it for an hour.
  local ttl = num(charge.stop - now + 3600000)
  redis.call('SET', charge.key, num(used[charge.key]), 'PX', ttl)
  taken[#taken + 1] = charge.key
  taken[#taken + 1] = num(charge.amount)
end
redis.call('SET', id, cmsgpack.pack(taken), 'PX', ARGV[5])
return { 'granted' }
