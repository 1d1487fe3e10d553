-- What every script begins with: the keys, the windows of a minute, periods, what running requests hold, and leases.
--
-- KEYS[1] is the prefix of all keys. It contains the hash tag, so that all of them are in one slot of a cluster.
--   <prefix>:w:<subject>   hash: the last minute; `at` its running second, `r` and `t` requests and tokens in it,
--                          `r0`..`r59` and `t0`..`t59` its buckets
--   <prefix>:b:<subject>   tokens that a request uses beyond its input, on average; in sixteenths
--   <prefix>:q:<subject>   hash: what is counted by period: number of the day, week and month (`di`, `wi`, `mi`),
--                          nano-USD in these and ever (`dn`, `wn`, `mn`, `tn`), requests and tokens of the month (`mr`,
--                          `mt`), until which second it is kept (`u`)
--   <prefix>:h:<subject>   what its running requests hold: how many, tokens expected of them, tokens and nano-USD set
--                          aside
--   <prefix>:l:<lease>     hash: the same for the requests of one process, by subject
--   <prefix>:leases        sorted set: leases by the millisecond at which they are over
--   <prefix>:s:<lease>     number of the last batch of settlements that was taken
--   <prefix>:rests         hash: what machines tell each other of credentials that rest
--
-- The time is the server's. Numbers are doubles: whole, and exact, up to 2^53.

local prefix = KEYS[1]
local clock = redis.call('TIME')
local second = tonumber(clock[1])
local now_ms = second * 1000 + math.floor(tonumber(clock[2]) / 1000)
local leases = prefix .. ':leases'

local WINDOW = 60
local LEASE_MS = 6000
local DAY = 86400
local MOST = 2 ^ 53

local function whole(number)
    return string.format('%.0f', math.min(math.max(number, 0), MOST))
end

local function count(said)
    return tonumber(said or 0) or 0
end

-- The words of a row, numbers where they are some; `-` is none.
local function words_of(row)
    local words, index = {}, 0
    for word in string.gmatch(row, '%S+') do
        index = index + 1
        words[index] = index == 1 and word or tonumber(word) or (word ~= '-' and word or nil)
    end
    return words
end

-- The window of a subject, brought up to now. One that is ahead of the clock is taken as it is, unless the clock was
-- set back by more than a window.
local function window_of(subject)
    local key = prefix .. ':w:' .. subject
    local kept = redis.call('HMGET', key, 'at', 'r', 't')
    local window = {key = key, at = second, r = 0, t = 0, is_new = true}
    if not kept[1] then
        return window
    end
    local at = tonumber(kept[1])
    if math.abs(second - at) >= WINDOW then
        redis.call('DEL', key)
        return window
    end
    window.r, window.t, window.is_new = count(kept[2]), count(kept[3]), false
    if second <= at then
        window.at = at
        return window
    end
    local names = {}
    for gone = at - WINDOW + 1, second - WINDOW do
        names[#names + 1] = 'r' .. gone % WINDOW
        names[#names + 1] = 't' .. gone % WINDOW
    end
    local left = redis.call('HMGET', key, unpack(names))
    for index = 1, #left, 2 do
        window.r = window.r - count(left[index])
        window.t = window.t - count(left[index + 1])
    end
    redis.call('HDEL', key, unpack(names))
    redis.call('HSET', key, 'at', second, 'r', whole(window.r), 't', whole(window.t))
    redis.call('EXPIRE', key, 2 * WINDOW)
    return window
end

-- Adds to the bucket of a second that is still in the window; below zero takes from it what is there.
local function fill(window, letter, at, amount)
    if amount == 0 or at <= window.at - WINDOW or at > window.at then
        return
    end
    local bucket = letter .. at % WINDOW
    if amount < 0 then
        amount = -math.min(-amount, count(redis.call('HGET', window.key, bucket)))
    end
    local text = string.format('%.0f', amount)
    window[letter] = window[letter] + amount
    redis.call('HINCRBY', window.key, bucket, text)
    redis.call('HINCRBY', window.key, letter, text)
    if window.is_new then
        window.is_new = false
        redis.call('HSET', window.key, 'at', window.at)
        redis.call('EXPIRE', window.key, 2 * WINDOW)
    end
end

local function buckets_of(window, letter)
    local names = {}
    for at = window.at - WINDOW + 1, window.at do
        names[#names + 1] = letter .. at % WINDOW
    end
    return redis.call('HMGET', window.key, unpack(names))
end

-- Milliseconds until enough of `used` has left the window for one more.
local function until_below(window, letter, used, limit)
    for index, bucket in ipairs(buckets_of(window, letter)) do
        used = used - count(bucket)
        if used < limit then
            return math.max((window.at + index) * 1000 - now_ms, 0)
        end
    end
    return 0
end

-- Milliseconds until the window is empty, if nothing is added to it.
local function until_empty(window, letter)
    if window[letter] == 0 then
        return 0
    end
    local buckets = buckets_of(window, letter)
    for index = WINDOW, 1, -1 do
        if count(buckets[index]) > 0 then
            return math.max((window.at + index) * 1000 - now_ms, 0)
        end
    end
    return 0
end

local KINDS = {'d', 'w', 'm'}
local AMOUNTS = {'di', 'wi', 'mi', 'dn', 'wn', 'mn', 'tn', 'mr', 'mt', 'u'}
local OF_PERIOD = {d = {'dn'}, w = {'wn'}, m = {'mn', 'mr', 'mt'}}

local function set_amount(periods, name, amount)
    if periods[name] ~= amount then
        periods[name] = amount
        periods.changed[#periods.changed + 1] = name
    end
end

-- What is counted of a subject by period, brought up to the days, weeks and months that `now` tells. One that is ahead
-- by one goes on: by another gateway's clock the next one has begun.
local function periods_of(subject, now)
    local periods = {key = prefix .. ':q:' .. subject, changed = {}}
    local kept = redis.call('HMGET', periods.key, unpack(AMOUNTS))
    for index, name in ipairs(AMOUNTS) do
        periods[name] = count(kept[index])
    end
    for _, kind in ipairs(KINDS) do
        local counted = periods[kind .. 'i']
        if counted ~= now[kind] and counted ~= now[kind] + 1 then
            set_amount(periods, kind .. 'i', now[kind])
            for _, name in ipairs(OF_PERIOD[kind]) do
                set_amount(periods, name, 0)
            end
        end
    end
    return periods
end

-- Writes what has changed. It is kept until a Unix second, for good where that is 0; for a day at least, for its
-- sender's period may be over.
local function keep_periods(periods, needed_until)
    if needed_until ~= 0 and needed_until < second + DAY then
        needed_until = math.max(periods.u, second + DAY)
    end
    local is_due = periods.u ~= needed_until
    set_amount(periods, 'u', needed_until)
    local said = {}
    for _, name in ipairs(periods.changed) do
        said[#said + 1] = name
        said[#said + 1] = whole(periods[name])
    end
    if #said > 0 then
        redis.call('HSET', periods.key, unpack(said))
    end
    if is_due and needed_until == 0 then
        redis.call('PERSIST', periods.key)
    elseif is_due then
        redis.call('EXPIREAT', periods.key, whole(needed_until))
    end
end

local function read_held(said)
    local running, expected, tokens, nano_usd = string.match(said or '', '^(%d+) (%d+) (%d+) (%d+)$')
    return {count(running), count(expected), count(tokens), count(nano_usd)}
end

local function write_held(held)
    return table.concat({whole(held[1]), whole(held[2]), whole(held[3]), whole(held[4])}, ' ')
end

local function held_by(subject)
    return read_held(redis.call('GET', prefix .. ':h:' .. subject))
end

-- What the running requests of a subject hold becomes more by what is in `amounts`, or less.
local function change_held(subject, amounts, sign, held)
    held = held or held_by(subject)
    for index = 1, 4 do
        held[index] = held[index] + sign * amounts[index]
    end
    if held[1] > 0 then
        redis.call('SET', prefix .. ':h:' .. subject, write_held(held))
    else
        redis.call('DEL', prefix .. ':h:' .. subject)
    end
end

-- For a lease. `held` is what the subject holds, where that is known.
local function hold(lease, subject, amounts, held)
    local key = prefix .. ':l:' .. lease
    local own = read_held(redis.call('HGET', key, subject))
    for index = 1, 4 do
        own[index] = own[index] + amounts[index]
    end
    redis.call('HSET', key, subject, write_held(own))
    change_held(subject, amounts, 1, held)
end

-- By what the lease has at most: one that was over has nothing.
local function release(lease, subject, amounts)
    local key = prefix .. ':l:' .. lease
    local own, taken = read_held(redis.call('HGET', key, subject)), {}
    local is_last = own[1] <= amounts[1]
    for index = 1, 4 do
        taken[index] = is_last and own[index] or math.min(own[index], amounts[index])
        own[index] = own[index] - taken[index]
    end
    if own[1] > 0 then
        redis.call('HSET', key, subject, write_held(own))
    else
        redis.call('HDEL', key, subject)
    end
    change_held(subject, taken, -1)
end

-- Everything that the requests of one process held is free again.
local function drop(lease)
    local key = prefix .. ':l:' .. lease
    local kept = redis.call('HGETALL', key)
    for index = 1, #kept, 2 do
        change_held(kept[index], read_held(kept[index + 1]), -1)
    end
    redis.call('DEL', key)
    redis.call('ZREM', leases, lease)
end

-- Drops leases that are over, but for one's own: two at a time, for each request does this.
local function sweep(own)
    for _, lease in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now_ms, 'LIMIT', 0, 2)) do
        if lease ~= own then
            drop(lease)
        end
    end
end
