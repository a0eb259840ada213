local counts = redis.call('HMGET', COUNT, 'messages', 'mail')
return { num(redis.call('ZCARD', ALL)), counts[1] or '0', counts[2] or '0' }
