-- id. All that is kept of a conversation.
local c = load(ARGV[4])
if not c.known then
  return { 'unknown' }
end
local function get(field)
  return redis.call('HGET', c.key, field) or ''
end
local waiting, journal, people, chunks = {}, {}, {}, {}
for i, e in ipairs(entries(c)) do
  waiting[i] = { num(e.number), get('e' .. num(e.number)) }
end
for n = 1, c.notes do
  journal[n] = get('j' .. num(n))
end
for who in string.gmatch(c.people, '[^\n]+') do
  local at = redis.call('ZSCORE', base .. 'p:' .. who, c.id)
  if at then
    people[#people + 1] = { who, at }
  end
end
for n in string.gmatch(c.index, '(%d+),%d+,%d+,%d+,%d+') do
  chunks[#chunks + 1] = { n, chunk(c, n) }
end
return {
  'known', num(c.seq), num(c.turns), num(c.attempts), num(c.retry), num(c.taken),
  c.title, c.state, waiting, journal, people, c.seen, chunks,
}
