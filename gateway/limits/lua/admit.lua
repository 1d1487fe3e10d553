-- Lets a request in for all of its subjects or for none; or only looks how it stands with them, or whether it would.
--
-- ARGV: lease, `admit`, `look` or `judge`; `tokens nano-USD input-tokens first-output` of the request; `day week
-- month`; then for each subject: id, requests a minute, tokens a minute, requests at once, requests and tokens a month,
-- budget, its period (`d`, `w`, `m` or `t`), `-` where there is none; until when its periods are needed.
--
-- Answers {1, whether the lease is new, for each subject: the second it was counted in, tokens expected of it, what is
-- used of each limit in that order, and of the last two what is set aside; where it is not let in, milliseconds until the two windows are free}; or {0,
-- for each limit that leaves no room: which subject, which limit, milliseconds until it may, SOON or SPENT}.

local REQUESTS, TOKENS, PARALLEL, MONTH_REQUESTS, MONTH_TOKENS, BUDGET = 1, 2, 3, 4, 5, 6
local SOON, SPENT = 0, -1

local lease, admits, looks = ARGV[1], ARGV[2] == 'admit', ARGV[2] == 'look'
local reserve = words_of('- ' .. ARGV[3])
local today = words_of('- ' .. ARGV[4])
local now = {d = today[2], w = today[3], m = today[4]}

-- How it stands with a subject: its limits, what is used of each, and of that what running requests hold.
local function stand(row)
    local words = words_of(row)
    local subject = {id = words[1], limits = {}, used = {}, held = {}, at = second, expected = 0}
    for limit = REQUESTS, BUDGET do
        subject.limits[limit] = words[1 + limit]
    end
    local held = held_by(subject.id)
    subject.holding, subject.used[PARALLEL] = held, held[1]
    if subject.limits[REQUESTS] or subject.limits[TOKENS] then
        local average = tonumber(redis.call('GET', prefix .. ':b:' .. subject.id) or nil)
        subject.window = window_of(subject.id)
        subject.at = subject.window.at
        subject.expected = math.min(reserve[4] + (average and math.floor(average / 16) or reserve[5]), reserve[2])
        subject.used[REQUESTS] = subject.window.r
        subject.used[TOKENS], subject.held[TOKENS] = subject.window.t + held[2], held[2]
    end
    local periods = periods_of(subject.id, now)
    subject.periods, subject.needed_until = periods, words[9]
    subject.used[MONTH_REQUESTS] = periods.mr
    subject.used[MONTH_TOKENS], subject.held[MONTH_TOKENS] = periods.mt + held[3], held[3]
    subject.used[BUDGET], subject.held[BUDGET] = periods[(words[8] or 'm') .. 'n'] + held[4], held[4]
    return subject
end

local function wait_for(subject, limit)
    local most, spent = subject.limits[limit], subject.used[limit] - (subject.held[limit] or 0)
    if limit == PARALLEL or spent < most then
        return SOON
    elseif limit == REQUESTS then
        return until_below(subject.window, 'r', spent, most)
    elseif limit == TOKENS then
        return until_below(subject.window, 't', spent, most)
    end
    return SPENT
end

local function take(subject)
    local limits, amounts = subject.limits, {1, 0, 0, 0}
    if subject.window then
        fill(subject.window, 'r', subject.at, 1)
        subject.used[REQUESTS] = subject.window.r
        amounts[2] = limits[TOKENS] and subject.expected or 0
        subject.used[TOKENS] = subject.used[TOKENS] + amounts[2]
    end
    set_amount(subject.periods, 'mr', subject.periods.mr + 1)
    keep_periods(subject.periods, subject.needed_until)
    subject.used[MONTH_REQUESTS] = subject.periods.mr
    amounts[3] = limits[MONTH_TOKENS] and reserve[2] or 0
    amounts[4] = limits[BUDGET] and reserve[3] or 0
    for limit, amount in pairs({[MONTH_TOKENS] = amounts[3], [BUDGET] = amounts[4]}) do
        subject.used[limit] = subject.used[limit] + amount
        subject.held[limit] = subject.held[limit] + amount
    end
    subject.used[PARALLEL] = subject.used[PARALLEL] + 1
    hold(lease, subject.id, amounts, subject.holding)
end

-- Tokens that are set aside leave the window no earlier than a minute from now.
local function until_free(subject)
    return subject.held[TOKENS] > 0 and WINDOW * 1000 or until_empty(subject.window, 't')
end

sweep(lease)

local subjects, short = {}, {0}
for index = 5, #ARGV do
    local subject = stand(ARGV[index])
    subjects[#subjects + 1] = subject
    for limit = REQUESTS, BUDGET do
        if subject.limits[limit] and subject.used[limit] >= subject.limits[limit] then
            short[#short + 1] = #subjects - 1
            short[#short + 1] = limit - 1
            short[#short + 1] = wait_for(subject, limit)
        end
    end
end
if not looks and #short > 1 then
    return short
end

local answer = {1, admits and redis.call('ZADD', leases, 'NX', now_ms + LEASE_MS, lease) or 0}
for _, subject in ipairs(subjects) do
    if admits then
        take(subject)
    end
    answer[#answer + 1] = subject.at
    answer[#answer + 1] = subject.limits[TOKENS] and subject.expected or 0
    for limit = REQUESTS, BUDGET do
        answer[#answer + 1] = subject.used[limit] or 0
    end
    answer[#answer + 1] = subject.held[MONTH_TOKENS]
    answer[#answer + 1] = subject.held[BUDGET]
    if not admits then
        answer[#answer + 1] = subject.limits[REQUESTS] and until_empty(subject.window, 'r') or 0
        answer[#answer + 1] = subject.limits[TOKENS] and until_free(subject) or 0
    end
end
return answer
