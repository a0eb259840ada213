-- ttl
promote()
while true do
  local id = redis.call('ZRANGE', READY, 0, 0)[1]
  if not id then
    return { 'none' }
  end
  local c = load(id)
  if c.queue == '' then
    redis.call('ZREM', READY, id)
  else
    local granted = grant(c, tonumber(ARGV[4]))
    save(c)
    return { 'granted', granted }
  end
end
