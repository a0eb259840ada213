-- participant. Where they have spoken or are quoted.
return redis.call('ZRANGE', base .. 'p:' .. ARGV[4], 0, -1)
