-- Counts what the ledger knows of subjects in a period, where that is more; of one that is not counted now, nothing.
--
-- ARGV: `day week month`; then rows: subject, kind of the period, its number, nano-USD, tokens, requests, until when it
-- is needed.

local today = words_of('- ' .. ARGV[1])
local now = {d = today[2], w = today[3], m = today[4]}

local function raise(row)
    local kind = row[2]
    local periods = periods_of(row[1], now)
    if kind ~= 't' and periods[kind .. 'i'] ~= row[3] then
        return
    end
    set_amount(periods, kind .. 'n', math.max(periods[kind .. 'n'], row[4]))
    if kind == 'm' then
        set_amount(periods, 'mt', math.max(periods.mt, row[5]))
        set_amount(periods, 'mr', math.max(periods.mr, row[6]))
    end
    -- Of several limits the one that is needed longest says how long.
    local needed_until = row[7]
    if needed_until ~= 0 and redis.call('EXISTS', periods.key) == 1 then
        needed_until = periods.u ~= 0 and math.max(periods.u, needed_until) or 0
    end
    keep_periods(periods, needed_until)
end

for index = 2, #ARGV do
    raise(words_of(ARGV[index]))
end
return 1
