-- Keeps the rests that machines tell each other of. Takes what one has to tell, and answers what all have told.
--
-- ARGV: rows `credential milliseconds rest`: of an opaque name, how much longer it rests and what is to be known of
-- that rest, without spaces; 0 milliseconds where its rest was ended before its time. The longest that anybody tells
-- holds, and an end is remembered as long as it takes everybody to ask.
--
-- Answers rows of the same kind. The key is a hash, by credential: `until rest`, milliseconds of the server; an end has
-- the time at which it is forgotten, below zero.

local key = prefix .. ':rests'
local REMEMBERED_MS = 60000

local function until_of(said)
    return count(string.match(said or '', '^(%S+)'))
end

local function take(credential, milliseconds, rest)
    local over = now_ms + milliseconds
    if milliseconds == 0 then
        redis.call('HSET', key, credential, string.format('%.0f -', -(now_ms + REMEMBERED_MS)))
    elseif until_of(redis.call('HGET', key, credential)) < over then
        redis.call('HSET', key, credential, string.format('%.0f %s', over, rest))
    end
end

for _, row in ipairs(ARGV) do
    local credential, milliseconds, rest = string.match(row, '^(%S+) (%d+) (%S+)$')
    take(credential, tonumber(milliseconds), rest)
end

local answer = {}
local kept = redis.call('HGETALL', key)
for index = 1, #kept, 2 do
    local over = until_of(kept[index + 1])
    if math.abs(over) <= now_ms then
        redis.call('HDEL', key, kept[index])
    else
        local left = over > 0 and over - now_ms or 0
        local rest = string.match(kept[index + 1], '^%S+ (%S+)$')
        answer[#answer + 1] = string.format('%s %.0f %s', kept[index], left, rest)
    end
end
return answer
