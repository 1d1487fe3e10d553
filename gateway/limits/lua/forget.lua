-- Counts a subject from nothing; what is running goes on being so. ARGV: subject.

return redis.call('DEL', prefix .. ':w:' .. ARGV[1], prefix .. ':b:' .. ARGV[1], prefix .. ':q:' .. ARGV[1])
