-- What would the programs of a company have left here in these hours? Chance is a hash of seed and number, the same again.
insert into requests by name
-- Lists come as JSON: to be given them one by one takes some versions of DuckDB longer than all the rest.
with earlier as (
    select unnest(
        cast(
            cast($earlier as json) as struct(first bigint, requests bigint, starts_us bigint, width_us bigint, dealt bigint)[]
        ),
        recursive := true
    )
),
later as (
    select unnest(
        cast(
            cast($later as json) as struct(first bigint, requests bigint, starts_us bigint, width_us bigint, dealt bigint)[]
        ),
        recursive := true
    )
),
-- Two halves, each of which can have a processor to itself.
numbered as (
    select *, unnest(range(requests)) as place
    from earlier
    union all
    select *, unnest(range(requests)) as place
    from later
),
-- `dice` is what everything is made from that is left to chance: each thing has a number of its own to add to it.
moments as (
    select
        dealt,
        cast($seed as bigint) * 1000000000000 + (first + place) * 64 as dice,
        -- Each has its own part of the hour: so they are in order.
        starts_us + cast((place + hash(dice) / 1.8446744073709552e19) * width_us / requests as bigint) as at_us
    from numbered
),
thrown as (
    select
        *,
        dealt * cast($slots as bigint)
        + cast(floor(hash(dice + 1) / 1.8446744073709552e19 * cast($slots as bigint)) as bigint)
        + 1 as slot,
        hash(dice + 2) / 1.8446744073709552e19 as of_fate,
        hash(dice + 3) / 1.8446744073709552e19 as of_trouble,
        hash(dice + 4) / 1.8446744073709552e19 as of_credential,
        hash(dice + 5) / 1.8446744073709552e19 as of_stream,
        hash(dice + 6) / 1.8446744073709552e19 as of_tools,
        hash(dice + 7) / 1.8446744073709552e19 as of_agent,
        hash(dice + 8) / 1.8446744073709552e19 as of_losses,
        hash(dice + 9) / 1.8446744073709552e19 as of_cache,
        hash(dice + 10) / 1.8446744073709552e19 as of_part,
        hash(dice + 11) / 1.8446744073709552e19 as of_rest,
        hash(dice + 12) / 1.8446744073709552e19 as of_connection,
        hash(dice + 13) / 1.8446744073709552e19 as of_tail,
        hash(dice + 14) / 1.8446744073709552e19 as of_tenant,
        -- Of the normal distribution.
        cast(cast($normal as json) as double[])[1 + cast(hash(dice + 20) & 1023 as bigint)] as z_prompt,
        cast(cast($normal as json) as double[])[1 + cast(hash(dice + 22) & 1023 as bigint)] as z_answer,
        cast(cast($normal as json) as double[])[1 + cast(hash(dice + 24) & 1023 as bigint)] as z_first,
        cast(cast($normal as json) as double[])[1 + cast(hash(dice + 26) & 1023 as bigint)] as z_overhead
    from moments
),
-- Who asks for what.
asked as (
    select
        *,
        cast(
            cast($asks as json) as struct(
                key varchar,
                key_id varchar,
                user_id varchar,
                team_id varchar,
                tags varchar[][],
                requested varchar,
                via varchar,
                targets bigint[],
                formats varchar[],
                path varchar,
                stream_path varchar,
                speaks_tools boolean,
                prompt double,
                answer double,
                streamed double,
                tools double,
                cached double,
                agents varchar[],
                losses varchar[][],
                traced boolean,
                refused double,
                leaves double
            )[]
        )[if(of_fate < 0.0012, cast($stranger as bigint), cast(cast($deals as json) as bigint[])[slot])] as ask,
        cast(cast($outage as json) as struct(from_us bigint, until_us bigint, models bigint[])) as outage,
        cast(cast($storm as json) as struct(from_us bigint, until_us bigint, models bigint[])) as storm,
        cast(cast($slow as json) as struct(from_us bigint, until_us bigint, models bigint[])) as slow,
    from thrown
),
met as (
    select
        * exclude (outage, storm, slow),
        len(ask.targets) > 1 as has_other,
        of_stream < ask.streamed as streams,
        -- What the first target does at this time.
        case
            when at_us >= outage.from_us and at_us < outage.until_us and list_contains(outage.models, ask.targets[1]) then 'outage'
            when at_us >= storm.from_us and at_us < storm.until_us and list_contains(storm.models, ask.targets[1]) then 'storm'
            when at_us >= slow.from_us and at_us < slow.until_us and list_contains(slow.models, ask.targets[1]) then 'slow'
            else 'well'
        end as weather
    from asked
),
fates as (
    select
        *,
        case
            when of_fate < 0.0012 then 'stranger'
            when of_fate < 0.0012 + ask.refused then 'limited'
            when of_fate < 0.0018 + ask.refused then 'unknown'
            when of_fate < 0.0048 + ask.refused then 'bad_request'
            when weather = 'outage' and of_part < 0.94 then if(has_other, 'moved', if(of_part < 0.66, 'given_up', 'resting'))
            when weather = 'storm' and of_part < 0.4 then 'retried'
            when weather = 'storm' and of_part < 0.92 then if(has_other, 'moved', if(of_part < 0.7, 'given_up', 'resting'))
            when of_fate < 0.0110 + ask.refused then 'retried'
            when of_fate < 0.0126 + ask.refused then if(has_other, 'moved', 'given_up')
            when not streams then 'well'
            when of_fate < 0.0136 + ask.refused then 'cut'
            when of_fate < 0.0136 + ask.refused + ask.leaves then if(of_part < 0.12, 'left_early', 'left')
            else 'well'
        end as fate,
        case
            when weather = 'outage' then if(of_trouble < 0.7, 'server', 'timeout')
            when weather = 'storm' or of_trouble < 0.45 then 'rate_limit'
            when of_trouble < 0.72 then 'overloaded'
            when of_trouble < 0.92 or not has_other then 'server'
            else 'timeout'
        end as trouble
    from met
),
-- Who answers, or was asked last.
reached as (
    select
        *,
        fate in ('well', 'retried', 'moved') or fate in ('left', 'left_early', 'cut') as answered,
        case
            when fate in ('stranger', 'limited', 'unknown', 'resting') then 0
            when fate in ('retried', 'given_up') then 2
            when fate = 'moved' then if(trouble = 'timeout', 2, 3)
            else 1
        end as tries,
        cast(
            cast($models as json) as struct(
                provider varchar,
                model varchar,
                credentials varchar[],
                request_id varchar,
                first_us double,
                spread double,
                speed double,
                thinks double,
                writes_cache boolean,
                answers_as varchar,
                input bigint,
                output bigint,
                cache_read bigint,
                cache_write bigint,
                price varchar
            )[]
        ) as models,
        models[ask.targets[1]] as first,
        models[ask.targets[if(fate = 'moved', 2, 1)]] as last
    from fates
),
-- How much is said.
sized as (
    select
        * exclude (models),
        -- All text, of a model whose tokenizer the gateway has, and nobody told the tokens.
        last.model = 'gpt-4o-mini' and fate not in ('left', 'cut') and of_tools >= ask.tools and of_rest < 0.06 as is_counted,
        case fate
            when 'left' then of_part
            when 'cut' then of_part
            when 'left_early' then 0.0
            else if(answered, 1.0, 0.0)
        end as said,
        cast(least(exp(ln(ask.prompt) + 0.85 * z_prompt) + 7, cast($longest_prompt as bigint)) as bigint) as prompt,
        cast(if(ask.answer > 0, least(exp(ln(ask.answer) + 0.8 * z_answer) + 3, 32000), 0) as bigint) as answer,
        cast(answer * last.thinks * (0.3 + 1.4 * of_tail) as bigint) as thought,
        -- Providers keep prompts in pieces of 128 tokens.
        case
            when of_cache < ask.cached and prompt > 1100 and not is_counted
            then cast(floor(prompt * (0.55 + 0.42 * of_part) / 128) * 128 as bigint)
            else 0
        end as kept
    from reached
),
counted as (
    select
        *,
        if(said > 0, prompt, 0) as input_tokens,
        if(said > 0, cast((answer + thought) * said as bigint), 0) as output_tokens,
        if(said > 0, cast(thought * said as bigint), 0) as reasoning_tokens,
        if(said > 0, kept, 0) as cache_read_tokens,
        if(said > 0 and last.writes_cache and ask.cached > 0, cast((prompt - kept) * 0.6 as bigint), 0)
        as cache_write_tokens
    from sized
),
-- How long it takes.
timed as (
    select
        *,
        cast(greatest(least(exp(6.05 + 0.42 * z_overhead), 5200), 140) as bigint)
        + if(len(ask.losses[1]) > 0, 160, 0)
        + greatest(tries - 1, 0) * 210 as overhead_us,
        case trouble
            when 'rate_limit' then cast(60000 + 180000 * of_tail as bigint)
            when 'overloaded' then cast(120000 + 900000 * of_tail as bigint)
            when 'server' then cast(180000 + 3600000 * of_tail * of_tail as bigint)
            else 10000000 + cast(40000 * of_tail as bigint)
        end as trouble_us,
        cast(
            last.first_us
            * exp(last.spread * z_first)
            * (1 + (prompt - kept) / 26000.0)
            * (1 + 0.22 * sin((at_us / 3600000000.0 - 8) * 0.2617993877991494))
            * if(of_tail < 0.004, 5.5, 1.0)
            * if(weather = 'slow', 3.1, 1.0) as bigint
        ) as wait_us,
        cast(
            (answer + thought) * 1e6 / (last.speed * exp(0.16 * z_answer)) * if(weather = 'slow', 1.7, 1.0) as bigint
        ) as flow_us,
        if(fate = 'retried' and trouble <> 'rate_limit', cast(250000 * (0.5 + of_rest) as bigint), 0) as waited_us,
        if(of_connection < 0.04, cast(9000 + 60000 * of_rest as bigint), null) as connect_us
    from counted
),
lasting as (
    select
        *,
        -- The first token comes after the thoughts.
        wait_us + cast(thought * 1e6 / last.speed as bigint) as first_us,
        case
            when fate = 'left_early' then cast(first_us * (0.2 + 0.7 * of_tail) as bigint)
            when said > 0 then first_us + cast(flow_us * answer / greatest(answer + thought, 1) * said as bigint)
            when fate = 'bad_request' then cast(60000 + 200000 * of_tail as bigint)
            else trouble_us
        end as answer_us,
        greatest(tries - 1, 0) * trouble_us as vain_us,
        cast(overhead_us * (0.35 + 0.2 * of_tail) as bigint) as admitted_us,
        1 + cast(floor(of_credential * len(first.credentials)) as bigint) as credential
    from timed
),
ended as (
    select
        *,
        case
            when fate = 'stranger' then 401
            when fate = 'limited' then 429
            when fate = 'unknown' then 404
            when fate = 'bad_request' then 400
            when fate = 'left_early' then 499
            when fate = 'resting' then if(weather = 'storm', 429, 503)
            when answered then 200
            when trouble = 'rate_limit' then 429
            when trouble = 'overloaded' then 503
            when trouble = 'server' then 502
            else 504
        end as status,
        case trouble
            when 'rate_limit' then 429
            when 'overloaded' then if(first.provider = 'anthropic', 529, 503)
            when 'server' then 502
        end as trouble_status,
        case
            when trouble = 'timeout' then 'upstream_timeout'
            else 'upstream_status_' || trouble_status
        end as trouble_kind,
        case trouble
            when 'rate_limit' then 1000000 * (1 + cast(floor(of_rest * 44) as bigint))
            else cast(820000 * pow(2, floor(of_rest * 5)) * (1 + 0.2 * of_tail) as bigint)
        end as trouble_rest_us,
        if(tries > 0, overhead_us + vain_us + waited_us + answer_us, cast(overhead_us * 0.6 as bigint)) as spent_us
    from lasting
),
tried as (
    select
        *,
        {
            provider: last.provider,
            model: last.model,
            credential: last.credentials[
                if(fate in ('retried', 'given_up'), credential % len(last.credentials) + 1, (credential - 1) % len(last.credentials) + 1)
            ],
            status: case when answered then 200 when fate = 'bad_request' then 400 else trouble_status end,
            error: case
                when fate = 'cut' then 'upstream_closed'
                when fate = 'bad_request' then 'upstream_status_400'
                when fate = 'given_up' then trouble_kind
            end,
            duration_us: answer_us,
            verdict: case
                when fate in ('cut', 'bad_request') then 'stop'
                when fate = 'given_up' then if(trouble = 'timeout', 'next_target', 'next_credential')
            end,
            rest_us: case when fate = 'cut' then 910000 when fate = 'given_up' then trouble_rest_us end,
            rest_by: if(fate = 'given_up' and trouble = 'rate_limit', 'retry-after', null),
            reason: case
                when fate = 'cut' then 'closed'
                when fate = 'bad_request' then 'bad_request'
                when fate = 'given_up' then trouble
            end,
            began_us: overhead_us - 90 + vain_us + waited_us,
            connect_us: if(tries = 1, connect_us, null),
            head_us: case
                when fate = 'left_early' or (fate = 'given_up' and trouble = 'timeout') then null
                when streams and answered then cast(wait_us * 0.93 as bigint)
                else greatest(answer_us - 120, 1)
            end,
            chosen_by: if(tries = 1 and len(last.credentials) > 1, 'round_robin', null)
        } as ending
    from ended
)
select
    make_timestamp(at_us) as ts,
    -- UUIDv7: milliseconds, what is left of them, and chance.
    cast(
        lpad(to_hex(((at_us // 1000) << 16) | (7 << 12) | ((at_us % 1000) * 4096 // 1000)), 16, '0')
        || to_hex((hash(dice + 30) & 4611686018427387903) | 9223372036854775808) as uuid
    ) as id,
    ask.key,
    ask.key_id,
    ask.user_id,
    ask.team_id,
    ask.tags[1 + cast(floor(of_tenant * of_tenant * len(ask.tags)) as bigint)] as tags,
    if(streams, ask.stream_path, ask.path) as endpoint,
    case
        when fate = 'unknown' then ['gpt-5-turbo', 'claude-sonnet-5', 'gemini-4-pro', 'llama-5'][1 + cast(floor(of_tail * 4) as bigint)]
        else ask.requested
    end as requested_model,
    if(fate = 'unknown', null, ask.via) as via,
    if(tries > 0, last.provider, null) as provider,
    if(tries > 0, last.model, null) as model,
    if(tries > 0, ending.credential, null) as credential,
    case
        when not answered or fate = 'left_early' then null
        -- Whoever runs its machines has loaded another model, at times.
        when last.provider = 'lab' and of_rest < 0.03 then 'qwen3-14b'
        else last.answers_as
    end as answered_model,
    status,
    case
        when fate = 'stranger' then 'invalid_key'
        when fate = 'limited' then 'rate_limit_exceeded'
        when fate = 'unknown' then 'model_not_found'
        when fate = 'bad_request' then 'upstream_status_400'
        when fate = 'resting' then 'all_resting'
        when fate in ('left', 'left_early') then 'client_disconnected'
        when fate = 'cut' then 'upstream_closed'
        when fate = 'given_up' then trouble_kind
    end as error,
    streams as stream,
    if(ask.speaks_tools, of_tools < ask.tools, null) as has_tools,
    input_tokens,
    output_tokens,
    cache_read_tokens,
    cache_write_tokens,
    reasoning_tokens,
    0 as cache_write_1h_tokens,
    0 as input_audio_tokens,
    0 as input_image_tokens,
    0 as output_audio_tokens,
    0 as output_image_tokens,
    case
        when said = 0 then 'none'
        when is_counted then 'counted'
        when fate in ('left', 'cut') or (last.provider = 'lab' and of_rest < 0.12) then 'estimated'
        else 'reported'
    end as usage_source,
    case
        when said > 0
        then (
            (input_tokens - cache_read_tokens - cache_write_tokens) * last.input
            + cache_read_tokens * last.cache_read
            + cache_write_tokens * last.cache_write
            + output_tokens * last.output
            + 500
        ) // 1000
    end as cost_nano_usd,
    case when said = 0 then 'none' when last.price is null then 'unpriced' else 'priced' end as cost_source,
    if(said > 0, last.price, null) as price,
    case tries
        when 0 then []
        when 1 then [ending]
        when 2 then [
            {
                provider: first.provider,
                model: first.model,
                credential: first.credentials[credential],
                status: trouble_status,
                error: trouble_kind,
                duration_us: trouble_us,
                verdict: if(trouble = 'timeout', 'next_target', 'next_credential'),
                rest_us: trouble_rest_us,
                rest_by: if(trouble = 'rate_limit', 'retry-after', null),
                reason: trouble,
                began_us: overhead_us - 90,
                connect_us: connect_us,
                head_us: if(trouble = 'timeout', null, trouble_us - 80),
                chosen_by: if(len(first.credentials) > 1, 'round_robin', null)
            },
            ending
        ]
        else [
            {
                provider: first.provider,
                model: first.model,
                credential: first.credentials[credential],
                status: trouble_status,
                error: trouble_kind,
                duration_us: trouble_us,
                verdict: if(trouble = 'timeout', 'next_target', 'next_credential'),
                rest_us: trouble_rest_us,
                rest_by: if(trouble = 'rate_limit', 'retry-after', null),
                reason: trouble,
                began_us: overhead_us - 90,
                connect_us: connect_us,
                head_us: if(trouble = 'timeout', null, trouble_us - 80),
                chosen_by: if(len(first.credentials) > 1, 'round_robin', null)
            },
            {
                provider: first.provider,
                model: first.model,
                credential: first.credentials[credential % len(first.credentials) + 1],
                status: trouble_status,
                error: trouble_kind,
                duration_us: trouble_us,
                verdict: if(trouble = 'timeout', 'next_target', 'next_credential'),
                rest_us: trouble_rest_us,
                rest_by: if(trouble = 'rate_limit', 'retry-after', null),
                reason: trouble,
                began_us: overhead_us + 20 + trouble_us,
                connect_us: null,
                head_us: if(trouble = 'timeout', null, trouble_us - 80),
                chosen_by: null
            },
            ending
        ]
    end as attempts,
    tries,
    spent_us + cast(40 + 120 * of_tail as bigint) as total_us,
    case
        when not answered or fate = 'left_early' then null
        when streams then overhead_us + vain_us + waited_us + first_us
        else spent_us
    end as first_byte_us,
    if(tries > 0, vain_us + answer_us, 0) as upstream_us,
    if(tries > 0, overhead_us, spent_us) as overhead_us,
    if(fate in ('stranger', 'limited'), null, admitted_us) as admitted_us,
    waited_us,
    if(fate = 'stranger', 0, 190 + cast(prompt * 4.3 as bigint) + if(of_tools < ask.tools, 2600, 0)) as request_bytes,
    case
        when status >= 400 then if(fate = 'left_early', 0, 140 + cast(of_tail * 90 as bigint))
        when streams then 520 + cast((output_tokens - reasoning_tokens) * 212 as bigint)
        when ask.answer = 0 then 8300
        else 610 + cast((output_tokens - reasoning_tokens) * 4.4 as bigint)
    end as response_bytes,
    if(tries > 0 and fate <> 'left_early', last.request_id || lower(lpad(to_hex(hash(dice + 31)), 16, '0')), null) as upstream_request_id,
    ask.agents[1 + cast(floor(of_agent * len(ask.agents)) as bigint)] as user_agent,
    cast(of_agent * 1000 as bigint) % 2 as worker,
    if(cast(of_credential * 1000 as bigint) % 3 < 2, 'gate-1', 'gate-2') as node,
    if(tries > 0 and of_losses < 0.3, ask.losses[if(fate = 'moved', 2, 1)], []) as dropped,
    len(dropped) > 0 as lossy,
    if(tries > 0, ask.formats[if(fate = 'moved', 2, 1)], null) as upstream_format,
    if(ask.traced, lower(lpad(to_hex(hash(dice + 32)), 16, '0') || lpad(to_hex(hash(dice + 33)), 16, '0')), null) as trace_id,
    false as captured,
    if(tries > 0 and has_other, 'fallback', null) as ordered_by,
    case
        -- Who is in trouble rests, and others are asked.
        when fate = 'resting' then [
            {
                provider: first.provider,
                model: first.model,
                credential: each,
                reason: trouble,
                until_us: at_us + trouble_rest_us,
                holds: false
            } for each in first.credentials
        ]
        when tries = 1 and weather in ('storm', 'outage') and len(first.credentials) > 1 and of_part < 0.96 then [
            {
                provider: first.provider,
                model: first.model,
                credential: first.credentials[credential % len(first.credentials) + 1],
                reason: trouble,
                until_us: at_us + trouble_rest_us,
                holds: false
            }
        ]
        else []
    end as passed_over,
    0 as passed_more
from tried
