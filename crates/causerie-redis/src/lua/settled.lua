-- id of a settlement that is no longer owed
return redis.call('HDEL', base .. 'owed', ARGV[4])
