-- idle time or ''. Looks what a claim would find, and does what is left to do: removes a few idle
-- conversations, and tells of settlements that are owed, and of a conversation to be packed if there
-- is nothing to claim.
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
      redis.call('ZREM', LIGHT, id)
    end
  end
end
local first = redis.call('ZRANGE', READY, 0, 0, 'WITHSCORES')
local owed = {}
if redis.call('EXISTS', base .. 'owed') == 1 then
  owed = redis.call('HRANDFIELD', base .. 'owed', 4, 'WITHVALUES')
end
local resting
if not first[2] then
  resting = redis.call('ZRANGEBYSCORE', LIGHT, '-inf', num(now), 'LIMIT', 0, 1)[1]
  if resting then
    -- If it is not packed by then, somebody else is told.
    redis.call('ZADD', LIGHT, num(now + REST), resting)
  end
end
return { first[2] or '', resting or '', owed }
