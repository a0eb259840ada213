-- id, fence, version, mail version or '', hashes of consumed mail, state, title, index, seq,
-- change of the number of messages, authors, quoted, owed id, owed value, '' or, if the conversation
-- is erased, whose lists it stays in, each between line ends; what became of the last chunk; then
-- fields and values
local c = load(ARGV[4])
if not holds(c, ARGV[5]) then
  return { 'stale' }
end
if num(c.version) ~= ARGV[6] or (ARGV[7] ~= '' and num(c.mailversion) ~= ARGV[7]) then
  return { 'again' }
end
local consumed, left = {}, {}
for at = 1, #ARGV[8], 8 do
  consumed[string.sub(ARGV[8], at, at + 7)] = true
end
local list = entries(c)
for _, e in ipairs(list) do
  if consumed[e.hash] then
    redis.call('HDEL', c.key, 'e' .. num(e.number))
  else
    left[#left + 1] = e
  end
end
requeue(c, left)
count('mail', #left - #list)
text(c, 'state', ARGV[9])
text(c, 'title', ARGV[10])
c.index, c.seq = ARGV[11], tonumber(ARGV[12])
local change = tonumber(ARGV[13])
c.messages = c.messages + change
count('messages', change)
for i = 20, #ARGV, 2 do
  put(c, ARGV[i], ARGV[i + 1])
end
tail(c, ARGV[19])
if ARGV[18] ~= '' then
  strike_all(c, ARGV[18])
end
for who in string.gmatch(ARGV[14], '[^\n]+') do
  spoke(c, who, false)
end
for who in string.gmatch(ARGV[15], '[^\n]+') do
  quoted(c, who)
end
if ARGV[16] ~= '' then
  redis.call('HSET', base .. 'owed', ARGV[16], ARGV[17])
end
forget_journal(c)
c.version, c.mailversion, c.turns = c.version + 1, c.mailversion + 1, c.turns + 1
c.held, c.deadline, c.taken, c.retry, c.attempts = 0, 0, 0, 0, 0
c.ready = tick()
touch(c)
save(c)
return { 'done', c.queue == '' and '0' or '1' }
