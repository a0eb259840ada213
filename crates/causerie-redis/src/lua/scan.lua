-- what the names of keys begin with, cursor, about how many. Names of keys of this slot. An iteration
-- of the whole server, as Redis has no other; the pattern's own signs in a prefix are taken as they are.
local pattern = string.gsub(base, '[%*%?%[%]%^\\]', '\\%0') .. ARGV[4] .. '*'
local found = redis.call('SCAN', ARGV[5], 'MATCH', pattern, 'COUNT', ARGV[6])
local names = {}
for i, key in ipairs(found[2]) do
  names[i] = string.sub(key, #base + 1)
end
return { found[1], names }
