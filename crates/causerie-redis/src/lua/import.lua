-- id, seq, turns, attempts, when to go on, how much mail is taken, number of messages, place among
-- those that wait, when something last happened, the highest number of a record, title, state, index,
-- events seen, how many of each follow: mail, journal entries, who has spoken, who is quoted. Then
-- these: hash, stop and body of mail; entries; names and times; names. Then fields and values.
local c = load(ARGV[4])
strike_all(c, '')
count('messages', -c.messages)
count('mail', -#c.queue / ENTRY)
redis.call('DEL', c.key)
redis.call('ZREM', LIGHT, c.id)
local at = 17
local function take()
  at = at + 1
  return ARGV[at]
end
local mails, notes = tonumber(take()), tonumber(take())
local speakers, quotes = tonumber(take()), tonumber(take())
local queue = {}
for n = 1, mails do
  queue[n] = { hash = take(), stop = take() == '1', number = n }
  redis.call('HSET', c.key, 'e' .. num(n), take())
end
requeue(c, queue)
for n = 1, notes do
  redis.call('HSET', c.key, 'j' .. num(n), take())
end
for _ = 1, speakers do
  local who = take()
  redis.call('ZADD', base .. 'p:' .. who, take(), c.id)
  listed(c, who)
end
for _ = 1, quotes do
  quoted(c, take())
end
text(c, 'title', ARGV[14])
text(c, 'state', ARGV[15])
c.seen, c.apart = ARGV[17], {}
for i = at + 1, #ARGV, 2 do
  put(c, ARGV[i], ARGV[i + 1])
end
c.seq, c.turns, c.attempts = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
c.retry, c.taken, c.messages = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
c.ready, c.index = tonumber(ARGV[11]), ARGV[16]
c.held, c.deadline, c.token = 0, 0, 0
c.mailno, c.notes = mails, notes
c.version, c.mailversion = c.version + 1, c.mailversion + 1
count('messages', c.messages)
count('mail', mails)
local highest = tonumber(ARGV[13])
if highest > tonumber(redis.call('GET', base .. 'tick') or '0') then
  redis.call('SET', base .. 'tick', num(highest))
end
redis.call('ZADD', ALL, num(math.max(tonumber(ARGV[12]), highest)), c.id)
save(c)
return 'done'
