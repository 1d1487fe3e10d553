-- What is left of the requests of a day that is over: sums of them, and histograms of their times. Rows of the same group
-- may come more than once, so that whoever asks adds them up.

create table usage_daily (
    d date not null,
    -- The instant from which on its requests are counted: the midnight (UTC) with which the day begins, or one within the
    -- day at which somebody begins to count, whose requests before it are in another row.
    since timestamp not null,
    -- A key of the configuration file has no other id than its name.
    key_id varchar,
    key varchar,
    user_id varchar,
    team_id varchar,
    provider varchar,
    model varchar,
    -- Null where a target was tried in vain.
    credential varchar,
    n bigint not null,
    n_ok bigint not null,
    n_refused bigint not null,
    n_failed bigint not null,
    n_left bigint not null,
    -- Requests of which anything was sent to a provider.
    n_asked bigint not null,
    -- Requests for which this target was tried, those included that another one answered.
    n_tried bigint not null,
    n_unpriced bigint not null,
    n_estimated bigint not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    cache_read_tokens bigint not null,
    cache_write_tokens bigint not null,
    reasoning_tokens bigint not null,
    cache_write_1h_tokens bigint not null,
    input_audio_tokens bigint not null,
    input_image_tokens bigint not null,
    output_audio_tokens bigint not null,
    output_image_tokens bigint not null,
    cost_nano_usd bigint not null,
    total_us bigint not null,
    upstream_us bigint not null
);

-- Of requests that were answered: how fast the others failed says nothing.
create table latency_hourly (
    -- The hour; midnight for the whole day once its requests are gone.
    h timestamp not null,
    provider varchar,
    model varchar,
    -- `total`, `first_byte` or `overhead`.
    metric varchar not null,
    bucket smallint not null,
    n bigint not null
);

-- Which days are rolled up, how many of their requests were counted, and what is kept of them besides: `requests`, their
-- `sums` alone, or `nothing` but what all days before came to.
create table rolled (
    d date not null,
    n bigint not null,
    kept varchar not null,
    rolled_at timestamp not null
);

-- What was spent on days of which nothing else is kept, for budgets that never begin anew.
create table spent_before (
    -- The instant from which on this counts: the one at which its key was counted from nothing, or else the first of all.
    since timestamp not null,
    key_id varchar,
    key varchar,
    user_id varchar,
    team_id varchar,
    provider varchar,
    model varchar,
    cost_nano_usd bigint not null,
    summed_at timestamp not null
);

-- Money, tokens and requests of all time, each counted once, as far as limits count them: by the instant since when.
create view spending as
    select
        ts as since,
        coalesce(key_id, key) as key_id,
        key,
        user_id,
        team_id,
        provider,
        model,
        cost_nano_usd,
        input_tokens + output_tokens as tokens,
        cast(tries > 0 as bigint) as n_asked,
        -- A request is answered by a target that was tried; others that were tried for it are in `attempts` alone.
        cast(tries > 0 as bigint) as n_tried
    from requests
    union all
    select
        since,
        key_id,
        key,
        user_id,
        team_id,
        provider,
        model,
        cost_nano_usd,
        input_tokens + output_tokens,
        n_asked,
        n_tried
    from usage_daily
    where d in (select d from rolled where kept = 'sums')
    union all
    select since, key_id, key, user_id, team_id, provider, model, cost_nano_usd, 0, 0, 0
    from spent_before;

-- Of a time the bucket of a histogram, each 8 % wider than the one before it, and of a bucket the time in its middle.
create or replace macro bucket_of(us) as cast(ceil(ln(greatest(us, 1) / 1000) / ln(1.08)) as smallint);

create or replace macro time_in(bucket) as cast(round(1000 * pow(1.08, bucket - 0.5)) as bigint);

-- Whether sums know all that a filter (see 0006) asks about. They do not know: endpoint, requested model, outcome, error,
-- tags, and whatever else is of one request alone.
create or replace macro sums_answer(f) as
    (f)['requested_model'] is null
    and (f)['endpoint'] is null
    and (f)['outcome'] is null
    and (f)['error'] is null
    and (f)['tag'] is null
    and (f)['stream'] is null
    and (f)['retried'] is null
    and (f)['lossy'] is null
    and (f)['tools'] is null
    and (f)['least_total_us'] is null
    and (f)['least_cost'] is null
    and (f)['search'] is null;

-- The same of histograms, which do not know whose a request was, nor with which credential.
create or replace macro histograms_answer(f) as
    sums_answer(f)
    and (f)['key_ids'] is null
    and (f)['key'] is null
    and (f)['user'] is null
    and (f)['team'] is null
    and (f)['credential'] is null;

-- The first day that lies within a filter as a whole, and the day behind the last.
create or replace macro first_whole_day(f) as date_trunc('day', make_timestamp((f)['since_us'] + 86399999999));

create or replace macro behind_whole_days(f) as date_trunc('day', make_timestamp((f)['until_us']));

-- What a filter means, to be added up: days from sums, as far as their requests are gone or the days are before
-- `rolled_until_us` (a midnight, up to which all days are rolled up; 0 for none), everything else from requests. What
-- sums do not answer, and parts of days, come from requests alone.
create or replace macro daily(f, rolled_until_us) as table
    select
        d,
        key_id,
        key,
        user_id,
        team_id,
        provider,
        model,
        credential,
        n,
        n_ok,
        n_refused,
        n_failed,
        n_left,
        n_asked,
        n_unpriced,
        n_estimated,
        input_tokens,
        output_tokens,
        cache_read_tokens,
        cache_write_tokens,
        reasoning_tokens,
        cost_nano_usd,
        total_us,
        upstream_us
    from usage_daily
    where
        n > 0
        and sums_answer(f)
        and d >= first_whole_day(f)
        and d < behind_whole_days(f)
        and (d < make_timestamp(rolled_until_us) or d in (select d from rolled where kept = 'sums'))
        and ((f)['key_ids'] is null or list_contains((f)['key_ids'], key_id))
        and ((f)['key'] is null or key_id = (f)['key'])
        and ((f)['user'] is null or user_id = (f)['user'])
        and ((f)['team'] is null or team_id = (f)['team'])
        and ((f)['provider'] is null or provider = (f)['provider'])
        and ((f)['model'] is null or model = (f)['model'])
        and ((f)['credential'] is null or credential = (f)['credential'])
    union all
    select
        cast(ts as date),
        coalesce(key_id, key),
        key,
        user_id,
        team_id,
        provider,
        model,
        credential,
        1,
        cast(outcome(status, error) = 'ok' as bigint),
        cast(outcome(status, error) = 'refused' as bigint),
        cast(outcome(status, error) = 'failed' as bigint),
        cast(outcome(status, error) = 'left' as bigint),
        cast(tries > 0 as bigint),
        cast(cost_source = 'unpriced' as bigint),
        cast(usage_source = 'estimated' as bigint),
        input_tokens,
        output_tokens,
        cache_read_tokens,
        cache_write_tokens,
        reasoning_tokens,
        cost_nano_usd,
        total_us,
        upstream_us
    from chosen(f)
    where
        not (
            sums_answer(f)
            and ts >= first_whole_day(f)
            and ts < least(make_timestamp(rolled_until_us), behind_whole_days(f))
        );

-- How often a `metric` fell into which bucket, of the answered requests that a filter means, to be added up; from
-- histograms as far as `daily` takes sums, else from requests, of which alone the time is exact.
create or replace macro latency(f, metric_of, rolled_until_us) as table
    select h as ts, provider, model, bucket, n
    from latency_hourly
    where
        metric = metric_of
        and histograms_answer(f)
        and h >= first_whole_day(f)
        and h < behind_whole_days(f)
        and (h < make_timestamp(rolled_until_us) or cast(h as date) in (select d from rolled where kept = 'sums'))
        and ((f)['provider'] is null or provider = (f)['provider'])
        and ((f)['model'] is null or model = (f)['model'])
    union all
    select ts, provider, model, bucket_of(us), 1
    from (
        select
            ts,
            provider,
            model,
            case metric_of
                when 'total' then total_us
                when 'first_byte' then first_byte_us
                when 'overhead' then overhead_us
            end as us
        from chosen(f)
        where
            outcome(status, error) = 'ok'
            and not (
                histograms_answer(f)
                and ts >= first_whole_day(f)
                and ts < least(make_timestamp(rolled_until_us), behind_whole_days(f))
            )
    )
    where us is not null;
