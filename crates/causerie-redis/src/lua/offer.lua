-- id, hash, stop, mail, title, author, quoted, mailbox limit, seen limit, ttl or '', mail version or ''
local c = load(ARGV[4])
local hash = ARGV[5]
local list, known = seen(c, hash)
if known then
  return { 'duplicate' }
end
if ARGV[14] ~= '' and ARGV[14] ~= num(c.mailversion) then
  return { 'again' }
end
if #c.queue / ENTRY >= tonumber(ARGV[11]) or #list / SEEN >= tonumber(ARGV[12]) then
  return { 'full' }
end
remember(c, list, hash)
if c.title == '' then
  c.title = ARGV[8]
end
if c.queue == '' then
  c.ready = tick()
end
c.mailno, c.mailversion = c.mailno + 1, c.mailversion + 1
c.queue = c.queue .. struct.pack('>c8BI4', hash, tonumber(ARGV[6]), c.mailno)
redis.call('HSET', c.key, 'e' .. num(c.mailno), ARGV[7])
count('mail', 1)
spoke(c, ARGV[9], true)
if ARGV[10] ~= '' then
  quoted(c, ARGV[10])
end
touch(c)
local free = not (c.held == 1 and now < c.deadline) and c.retry <= now
local answer = { 'queued' }
if ARGV[13] ~= '' and free then
  answer = { 'granted', grant(c, tonumber(ARGV[13])) }
end
save(c)
return answer
