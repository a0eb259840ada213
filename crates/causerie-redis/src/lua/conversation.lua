-- What the scripts on a partition share: the conversation, a hash with these fields.
--   m  its numbers, the index of its chunks, which only the client reads, and of the following what is short:
--   t  title     s  state     p  who has a list that it stands in
--   d  events that were seen: 12 bytes each, hash (8) and second (4), the oldest first
--   q  its waiting mail: 13 bytes each, the event's hash (8), whether it asks to stop (1), number (4)
--   e1 e2 ..  the mail itself, by number          j1 j2 ..  the journal
--   h1 h2 ..  chunks of history, each with what is left of it in   g1 g2 ..
local NUMBERS = {
  'version', 'mailversion', 'fence', 'held', 'deadline', 'taken', 'retry', 'ready',
  'turns', 'attempts', 'seq', 'mailno', 'notes', 'token', 'messages',
}
-- Each a field of its own if it is longer than so many bytes: a field costs Redis 60 bytes, and what
-- stands in m is written with every change.
local APART = { title = 't', state = 's', seen = 'd', people = 'p' }
local TEXTS, SHORT = { 'title', 'state', 'seen', 'people' }, 256
local ENTRY, SEEN = 13, 12
local READY, DUE, ALL, COUNT = base .. 'ready', base .. 'due', base .. 'all', base .. 'count'
local LIGHT = base .. 'light'

local function load(id)
  local c = { id = id, key = base .. 'c:' .. id, index = '', apart = {} }
  local found = redis.call('HMGET', c.key, 'm', 'q', 't', 's', 'd', 'p')
  local numbers, texts = {}, {}
  if found[1] and string.byte(found[1]) < 128 then
    -- As version 1 wrote it.
    local list, index = string.match(found[1], '^(.-)|(.*)$')
    for n in string.gmatch(list, '%d+') do
      numbers[#numbers + 1] = tonumber(n)
    end
    c.index, c.known = index, true
  elseif found[1] then
    numbers, c.index, texts = unpack(cmsgpack.unpack(found[1]))
    c.known = true
  end
  for i, name in ipairs(NUMBERS) do
    c[name] = numbers[i] or 0
  end
  for i, name in ipairs(TEXTS) do
    c.apart[name] = found[i + 2]
    c[name] = found[i + 2] or texts[i] or ''
  end
  c.queue = found[2] or ''
  return c
end

-- A number that only grows within the partition: the time, unless clocks went back or stood still.
local stamp
local function tick()
  if not stamp then
    local last = tonumber(redis.call('GET', base .. 'tick') or '0')
    stamp = math.max(micros, last + 1)
    redis.call('SET', base .. 'tick', num(stamp))
  end
  return stamp
end

-- Writes the numbers and the queue, and puts the conversation where a claim looks for it.
local function save(c)
  local numbers, texts = {}, {}
  for i, name in ipairs(NUMBERS) do
    numbers[i] = c[name]
  end
  for i, name in ipairs(TEXTS) do
    local text, field = c[name], APART[name]
    texts[i] = #text <= SHORT and text or ''
    if texts[i] ~= text and c.apart[name] ~= text then
      redis.call('HSET', c.key, field, text)
    elseif texts[i] == text and c.apart[name] then
      redis.call('HDEL', c.key, field)
    end
    c.apart[name] = texts[i] ~= text and text
  end
  redis.call('HSET', c.key, 'm', cmsgpack.pack({ numbers, c.index, texts }))
  if c.queue == '' then
    redis.call('HDEL', c.key, 'q')
    redis.call('ZREM', READY, c.id)
    redis.call('ZREM', DUE, c.id)
    return
  end
  redis.call('HSET', c.key, 'q', c.queue)
  local due = c.retry
  if c.held == 1 and c.deadline > due then
    due = c.deadline
  end
  if due > now then
    redis.call('ZADD', DUE, num(due), c.id)
    redis.call('ZREM', READY, c.id)
  else
    redis.call('ZADD', READY, num(c.ready), c.id)
    redis.call('ZREM', DUE, c.id)
  end
end

-- Something happened here: it is known, and not idle.
local function touch(c)
  redis.call('ZADD', ALL, num(tick()), c.id)
end

local function count(what, change)
  if change ~= 0 then
    redis.call('HINCRBY', COUNT, what, num(change))
  end
end

local function holds(c, fence)
  return c.held == 1 and num(c.fence) == fence
end

local function entries(c)
  local list = {}
  for at = 1, #c.queue, ENTRY do
    local hash, stop, number = struct.unpack('>c8BI4', c.queue, at)
    list[#list + 1] = { hash = hash, stop = stop == 1, number = number }
  end
  return list
end

local function requeue(c, list)
  local parts = {}
  for i, e in ipairs(list) do
    parts[i] = struct.pack('>c8BI4', e.hash, e.stop and 1 or 0, e.number)
  end
  c.queue = table.concat(parts)
end

local function mail(c)
  local list = {}
  for i, e in ipairs(entries(c)) do
    list[i] = redis.call('HGET', c.key, 'e' .. num(e.number)) or ''
  end
  return list
end

-- The exclusive right to answer. The caller saves.
local function grant(c, ttl)
  c.fence, c.held, c.deadline = tick(), 1, now + ttl
  c.retry, c.attempts = 0, c.attempts + 1
  c.taken, c.mailversion = c.mailno, c.mailversion + 1
  local journal = {}
  for n = 1, c.notes do
    journal[n] = redis.call('HGET', c.key, 'j' .. num(n)) or ''
  end
  return {
    c.id, num(c.fence), num(c.turns + 1), num(c.attempts), num(c.seq + 1), c.state, mail(c), journal,
  }
end

-- The events seen that need still be remembered, and whether this one is among them.
local function seen(c, hash)
  local list = c.seen
  local old, from = math.floor(now / 1000) - REMEMBER, 1
  while from <= #list and struct.unpack('>I4', list, from + 8) <= old do
    from = from + SEEN
  end
  list = string.sub(list, from)
  local at = string.find(list, hash, 1, true)
  while at and (at - 1) % SEEN ~= 0 do
    at = string.find(list, hash, at + 1, true)
  end
  return list, at ~= nil
end

local function remember(c, list, hash)
  local second = math.floor(now / 1000)
  c.seen = list .. hash .. struct.pack('>I4', second)
end

-- Who has spoken here, and when last; or, before the epoch, who is only quoted here.
local function listed(c, who)
  if not string.find('\n' .. c.people, '\n' .. who .. '\n', 1, true) then
    c.people = c.people .. who .. '\n'
  end
end

local function spoke(c, who, anew)
  local list = base .. 'p:' .. who
  local last = redis.call('ZSCORE', list, c.id)
  if anew or not last or tonumber(last) < 0 then
    redis.call('ZADD', list, num(now), c.id)
  end
  if not last then
    listed(c, who)
  end
end

local function quoted(c, who)
  if redis.call('ZADD', base .. 'p:' .. who, 'NX', '-1', c.id) == 1 then
    listed(c, who)
  end
end

local function strike(c, who)
  redis.call('ZREM', base .. 'p:' .. who, c.id)
  local people = '\n' .. c.people
  local from, to = string.find(people, '\n' .. who .. '\n', 1, true)
  if from then
    c.people = string.sub(people, 2, from) .. string.sub(people, to + 1)
  end
end

-- Takes it out of everybody's list but of those in `kept`, each between line ends.
local function strike_all(c, kept)
  local left = ''
  for who in string.gmatch(c.people, '[^\n]+') do
    if string.find(kept, '\n' .. who .. '\n', 1, true) then
      left = left .. who .. '\n'
    else
      redis.call('ZREM', base .. 'p:' .. who, c.id)
    end
  end
  c.people = left
end

local function forget_journal(c)
  for n = 1, c.notes do
    redis.call('HDEL', c.key, 'j' .. num(n))
  end
  c.notes, c.token = 0, 0
end

-- Conversations whose time has come.
local function promote()
  local due = redis.call('ZRANGEBYSCORE', DUE, '-inf', num(now), 'LIMIT', 0, 1000)
  for _, id in ipairs(due) do
    local c = load(id)
    redis.call('ZADD', READY, num(c.ready), id)
    redis.call('ZREM', DUE, id)
  end
end

-- Sets a text to what follows '=', leaves it if there is no '='.
local function text(c, name, value)
  if value ~= '' then
    c[name] = string.sub(value, 2)
  end
end

-- Sets field to what follows '=', deletes it if nothing does, leaves it if there is no '='.
local function put(c, field, value)
  if value == '=' then
    redis.call('HDEL', c.key, field)
  elseif value ~= '' then
    redis.call('HSET', c.key, field, string.sub(value, 2))
  end
end

-- What became of the last chunk: '0' nothing, '1' it is light now, '2' it is not.
local function tail(c, what)
  if what == '1' then
    redis.call('ZADD', LIGHT, num(now + REST), c.id)
  elseif what == '2' then
    redis.call('ZREM', LIGHT, c.id)
  end
end

local function chunk(c, n)
  local parts = redis.call('HMGET', c.key, 'h' .. n, 'g' .. n)
  return (parts[1] or '') .. (parts[2] or '')
end
