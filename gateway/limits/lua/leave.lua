-- Ends a lease at once: its process stops. ARGV: lease.

drop(ARGV[1])
redis.call('DEL', prefix .. ':s:' .. ARGV[1])
return 1
