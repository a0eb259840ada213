-- participant, at most how many. Where they have spoken, when last, and what it is called.
local list, most = base .. 'p:' .. ARGV[4], tonumber(ARGV[5])
local edge = redis.call('ZREVRANGEBYSCORE', list, '+inf', '0', 'WITHSCORES', 'LIMIT', most - 1, 1)
-- All of those that are as late as the last one: the client knows how to order them.
local found = redis.call('ZREVRANGEBYSCORE', list, '+inf', edge[2] or '0', 'WITHSCORES')
local answer = {}
for i = 1, #found, 2 do
  answer[#answer + 1] = { found[i], found[i + 1], load(found[i]).title }
end
return answer
