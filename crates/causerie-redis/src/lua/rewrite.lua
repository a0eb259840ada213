-- id, version, mail version, numbers of removed mail, state, title, index or '-', change of the number
-- of messages, participant to strike, hash of the event that changes mail, '1' to begin afresh or '2'
-- to count as nothing that happened or '3' to end the claim, what became of the last chunk, then
-- fields and values
local c = load(ARGV[4])
local hash = ARGV[13]
local events
if hash ~= '' then
  local known
  events, known = seen(c, hash)
  if known then
    return 'duplicate'
  end
end
if num(c.version) ~= ARGV[5] or num(c.mailversion) ~= ARGV[6] then
  return 'again'
end
if not c.known then
  return 'done'
end
if events then
  remember(c, events, hash)
end
local removed, left = {}, {}
for n in string.gmatch(ARGV[7], '%d+') do
  removed[tonumber(n)] = true
end
local list = entries(c)
for _, e in ipairs(list) do
  if removed[e.number] or ARGV[14] == '1' then
    redis.call('HDEL', c.key, 'e' .. num(e.number))
  else
    left[#left + 1] = e
  end
end
requeue(c, left)
count('mail', #left - #list)
text(c, 'state', ARGV[8])
text(c, 'title', ARGV[9])
if ARGV[10] ~= '-' then
  c.index = ARGV[10]
end
local change = tonumber(ARGV[11])
c.messages = c.messages + change
count('messages', change)
if ARGV[12] ~= '' then
  strike(c, ARGV[12])
end
for i = 16, #ARGV, 2 do
  put(c, ARGV[i], ARGV[i + 1])
end
tail(c, ARGV[15])
if ARGV[14] == '1' then
  strike_all(c, '')
  forget_journal(c)
  c.held, c.deadline, c.taken, c.retry, c.attempts, c.seq = 0, 0, 0, 0, 0, 0
  c.turns = c.turns + 1
end
if ARGV[14] == '3' then
  c.held, c.deadline = 0, 0
  if c.queue == '' then
    forget_journal(c)
    c.attempts, c.turns = 0, c.turns + 1
  end
end
c.version, c.mailversion = c.version + 1, c.mailversion + 1
if ARGV[14] ~= '2' then
  touch(c)
end
save(c)
return 'done'
