-- Keeps a lease from ending, and ends those that are over. ARGV: lease. Answers whether it was still there.

sweep(ARGV[1])
if not redis.call('ZSCORE', leases, ARGV[1]) then
    return 0
end
redis.call('ZADD', leases, now_ms + LEASE_MS, ARGV[1])
return 1
