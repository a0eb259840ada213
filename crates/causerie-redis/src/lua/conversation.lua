-- What the scripts on a partition share: the conversation, a hash with these fields.
--   m  its numbers, then '|' and the index of its chunks, which only the client reads
--   q  its waiting mail: 13 bytes each, the event's hash (8), whether it asks to stop (1), number (4)
--   e1 e2 ..  the mail itself, by number          j1 j2 ..  the journal
--   d  events that were seen: 12 bytes each, hash (8) and second (4), the oldest first
--   t  title     s  state     p  who has a list that it stands in
--   h1 h2 ..  chunks of history, each with what is left of it in   g1 g2 ..
local NUMBERS = {
  'version', 'mailversion', 'fence', 'held', 'deadline', 'taken', 'retry', 'ready',
  'turns', 'attempts', 'seq', 'mailno', 'notes', 'token', 'messages',
}
local ENTRY, SEEN = 13, 12
local READY, DUE, ALL, COUNT = base .. 'ready', base .. 'due', base .. 'all', base .. 'count'
local LIGHT = base .. 'light'

local function load(id)
  local c = { id = id, key = base .. 'c:' .. id, index = '', queue = '' }
  for _, name in ipairs(NUMBERS) do
    c[name] = 0
  end
  local found = redis.call('HMGET', c.key, 'm', 'q')
  if found[1] then
    local numbers, index = string.match(found[1], '^(.-)|(.*)$')
    local i = 0
    for n in string.gmatch(numbers, '%d+') do
      i = i + 1
      c[NUMBERS[i]] = tonumber(n)
    end
    c.index, c.known = index, true
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
  local numbers = {}
  for i, name in ipairs(NUMBERS) do
    numbers[i] = num(c[name])
  end
  redis.call('HSET', c.key, 'm', table.concat(numbers, ' ') .. '|' .. c.index)
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
  local state = redis.call('HGET', c.key, 's') or ''
  return {
    c.id, num(c.fence), num(c.turns + 1), num(c.attempts), num(c.seq + 1), state, mail(c), journal,
  }
end

-- The events seen that need still be remembered, and whether this one is among them.
local function seen(c, hash)
  local list = redis.call('HGET', c.key, 'd') or ''
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
  redis.call('HSET', c.key, 'd', list .. hash .. struct.pack('>I4', second))
end

-- Who has spoken here, and when last; or, before the epoch, who is only quoted here.
local function listed(c, who)
  local people = redis.call('HGET', c.key, 'p') or ''
  if not string.find('\n' .. people, '\n' .. who .. '\n', 1, true) then
    redis.call('HSET', c.key, 'p', people .. who .. '\n')
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
  local people = '\n' .. (redis.call('HGET', c.key, 'p') or '')
  local from, to = string.find(people, '\n' .. who .. '\n', 1, true)
  if from then
    people = string.sub(people, 2, from) .. string.sub(people, to + 1)
    if people == '' then
      redis.call('HDEL', c.key, 'p')
    else
      redis.call('HSET', c.key, 'p', people)
    end
  end
end

-- Takes it out of everybody's list but of those in `kept`, each between line ends.
local function strike_all(c, kept)
  local left = ''
  for who in string.gmatch(redis.call('HGET', c.key, 'p') or '', '[^\n]+') do
    if string.find(kept, '\n' .. who .. '\n', 1, true) then
      left = left .. who .. '\n'
    else
      redis.call('ZREM', base .. 'p:' .. who, c.id)
    end
  end
  if left == '' then
    redis.call('HDEL', c.key, 'p')
  else
    redis.call('HSET', c.key, 'p', left)
  end
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
