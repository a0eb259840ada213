-- idle time or ''. Looks what a claim would find, and does what is left to do: removes a few idle
-- conversations, and tells of settlements that are owed.
promote()
if ARGV[4] ~= '' then
  local old = num((now - tonumber(ARGV[4])) * 1000)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', ALL, '-inf', old, 'LIMIT', 0, 4)) do
    local c = load(id)
    if c.queue ~= '' then
      touch(c)
    else
      strike_all(c, '')
      count('messages', -c.messages)
      redis.call('DEL', c.key)
      redis.call('ZREM', ALL, id)
    end
  end
end
local first = redis.call('ZRANGE', READY, 0, 0, 'WITHSCORES')
local owed = {}
if redis.call('EXISTS', base .. 'owed') == 1 then
  owed = redis.call('HRANDFIELD', base .. 'owed', 4, 'WITHVALUES')
end
return { first[2] or '', owed }
