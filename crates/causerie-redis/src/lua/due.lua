local due = redis.call('ZRANGEBYSCORE', DUE, '(' .. num(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
return due[2] and num(tonumber(due[2]) - now) or ''
