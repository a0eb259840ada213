-- Every script begins with this. ARGV[1] is what all keys of its slot begin with; ARGV[2] and
-- ARGV[3] are a test's time in milliseconds and microseconds, or empty: then Redis says the time.
local base = ARGV[1]
local now, micros
if ARGV[2] ~= '' then
  now, micros = tonumber(ARGV[2]), tonumber(ARGV[3])
else
  local time = redis.call('TIME')
  micros = time[1] * 1000000 + time[2]
  now = math.floor(micros / 1000)
end

-- Lua writes large numbers with 14 digits otherwise.
local function num(n)
  return string.format('%.0f', n)
end
