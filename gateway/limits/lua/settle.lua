-- Takes a batch of settlements: what was set aside is free, what was used counts. A batch that was taken before is not
-- taken again (0): its sender did not hear of it. Nor is one that is not the next (-1): those before it come again, and
-- with them this one.
--
-- ARGV: lease, number of the batch, `next` or `resent`; `day week month`; then rows: subject, what it held (requests,
-- expected, tokens, nano-USD), the second and the month it was counted in, requests to add (below zero to take back),
-- tokens for the window, tokens beyond the input (`-` where there is nothing to learn from), tokens and nano-USD for
-- the periods, until when these are needed, and the day, week and month in which they were used.

local lease, batch = ARGV[1], tonumber(ARGV[2])
local today = words_of('- ' .. ARGV[4])
local now = {d = today[2], w = today[3], m = today[4]}

local KEPT_AVERAGE = DAY
local KEPT_BATCH = 7 * DAY
local SIXTEENTHS, AVERAGE_OVER = 16, 8

local function learn(subject, beyond)
    local key = prefix .. ':b:' .. subject
    local average = tonumber(redis.call('GET', key) or nil)
    local moved = beyond * SIXTEENTHS
    if average then
        moved = average + math.floor((moved - average) / AVERAGE_OVER)
    end
    redis.call('SET', key, whole(math.max(moved, 1)), 'EX', KEPT_AVERAGE)
end

local function add(periods, name, amount)
    set_amount(periods, name, math.max(periods[name] + amount, 0))
end

local function spend(row)
    local used_in = {d = row[14], w = row[15], m = row[16]}
    local periods = periods_of(row[1], now)
    for _, kind in ipairs(KINDS) do
        if used_in[kind] == now[kind] then
            add(periods, kind .. 'n', row[12])
        end
    end
    add(periods, 'tn', row[12])
    if used_in.m == now.m then
        add(periods, 'mt', row[11])
    end
    if row[7] == periods.mi then
        add(periods, 'mr', row[8])
    end
    keep_periods(periods, row[13])
end

local function settle(row)
    if row[2] > 0 then
        release(lease, row[1], {row[2], row[3], row[4], row[5]})
    end
    if row[6] > 0 and (row[8] ~= 0 or row[9] > 0) then
        local window = window_of(row[1])
        fill(window, 'r', row[6], row[8])
        fill(window, 't', window.at, row[9])
    end
    if row[10] then
        learn(row[1], row[10])
    end
    spend(row)
end

local last = prefix .. ':s:' .. lease
local taken = count(redis.call('GET', last))
if batch <= taken then
    return 0
end
if ARGV[3] == 'next' and taken > 0 and batch ~= taken + 1 then
    return -1
end
redis.call('SET', last, batch, 'EX', KEPT_BATCH)
for index = 5, #ARGV do
    settle(words_of(ARGV[index]))
end
return 1
