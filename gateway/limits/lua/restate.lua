-- Says what the running requests of a process hold, whatever was known of it: on each new connection, for the server
-- may have lost everything, have let the lease end, or have done what its answer did not tell.
--
-- ARGV: lease; then for each subject: id, requests, expected, tokens, nano-USD.

drop(ARGV[1])
redis.call('ZADD', leases, now_ms + LEASE_MS, ARGV[1])
for index = 2, #ARGV do
    local words = words_of(ARGV[index])
    hold(ARGV[1], words[1], {words[2], words[3], words[4], words[5]})
end
return 1
