-- how many to skip, how many. Conversations by when something last happened.
return redis.call('ZREVRANGE', ALL, ARGV[4], tonumber(ARGV[4]) + tonumber(ARGV[5]) - 1, 'WITHSCORES')
