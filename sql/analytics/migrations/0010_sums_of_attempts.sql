-- Sums of days tell what went wrong and how providers did by every attempt, histograms how fast tokens came: what pages
-- ask of requests they can ask of days whose requests are gone.

-- Kind of what went wrong first; null for nothing.
alter table usage_daily add column error varchar;

-- Attempts with this target that tell something of it (see 0008), whoever answered in the end, and those of them that
-- failed. They are in rows of their own, which have no requests, where no request was answered by this target.
alter table usage_daily add column n_attempts bigint;

alter table usage_daily add column n_attempts_failed bigint;

-- Days that still have their requests are summed up anew.
delete from rolled
where kept = 'requests';

-- Microseconds that a token takes once tokens come. Null where that cannot be told: of what is not streamed, or too short.
create or replace macro pace_of(stream, output_tokens, total_us, first_byte_us) as
    case
        when stream and output_tokens > 1 and total_us - first_byte_us > 10000
        then (total_us - first_byte_us) / output_tokens
    end;

-- What `daily` (see 0007) answers, sums of attempts answer too, but not whose attempts those of another target's
-- requests were: a filter by target means requests.
create or replace macro attempts_answer(f) as
    sums_answer(f)
    and (f)['provider'] is null
    and (f)['model'] is null
    and (f)['credential'] is null;

-- As before, with what went wrong, and what was asked for where that is known: what a filter means, to be added up, days
-- from sums as far as their requests are gone or the days are before `rolled_until_us`, everything else from requests.
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
        cast(null as varchar) as requested_model,
        error,
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
        requested_model,
        error,
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

-- Attempts that tell something of whom they were made with, of the requests that a filter means, and how many failed, to
-- be added up; from sums as far as `daily` takes them.
create or replace macro tried(f, rolled_until_us) as table
    select d, provider, model, credential, n_attempts, n_attempts_failed
    from usage_daily
    where
        n_attempts > 0
        and attempts_answer(f)
        and d >= first_whole_day(f)
        and d < behind_whole_days(f)
        and (d < make_timestamp(rolled_until_us) or d in (select d from rolled where kept = 'sums'))
        and ((f)['key_ids'] is null or list_contains((f)['key_ids'], key_id))
        and ((f)['key'] is null or key_id = (f)['key'])
        and ((f)['user'] is null or user_id = (f)['user'])
        and ((f)['team'] is null or team_id = (f)['team'])
    union all
    -- Who answered at once was the only one asked. Reading attempts takes ten times as long as all else here.
    select cast(ts as date), provider, model, coalesce(credential, ''), 1, 0
    from chosen(f)
    where
        tries = 1
        and error is null
        and not (
            attempts_answer(f)
            and ts >= first_whole_day(f)
            and ts < least(make_timestamp(rolled_until_us), behind_whole_days(f))
        )
    union all
    select
        d,
        attempt.provider,
        attempt.model,
        attempt.credential,
        1,
        cast(attempted(attempt.error, attempt.reason) = 'failed' as bigint)
    from (
        select cast(ts as date) as d, unnest(attempts) as attempt
        from chosen(f)
        where
            (tries > 1 or tries = 1 and error is not null)
            and not (
                attempts_answer(f)
                and ts >= first_whole_day(f)
                and ts < least(make_timestamp(rolled_until_us), behind_whole_days(f))
            )
    )
    where attempted(attempt.error, attempt.reason) is not null;

-- How often each of these `metrics` fell into which bucket, of the answered requests that a filter means, to be added up;
-- from histograms as far as `daily` takes sums, else from requests, of which alone the time is exact. Metric by metric,
-- since a part of which nothing is asked is gone from the plan.
create or replace macro latency(f, metrics, rolled_until_us) as table
    select h as ts, provider, model, metric, bucket, n
    from latency_hourly
    where
        list_contains(cast(metrics as varchar[]), metric)
        and histograms_answer(f)
        and h >= first_whole_day(f)
        and h < behind_whole_days(f)
        and (h < make_timestamp(rolled_until_us) or cast(h as date) in (select d from rolled where kept = 'sums'))
        and ((f)['provider'] is null or provider = (f)['provider'])
        and ((f)['model'] is null or model = (f)['model'])
    union all
    select ts, provider, model, 'total', bucket_of(total_us), 1
    from chosen(f)
    where
        list_contains(cast(metrics as varchar[]), 'total')
        and outcome(status, error) = 'ok'
        and total_us is not null
        and not (
            histograms_answer(f)
            and ts >= first_whole_day(f)
            and ts < least(make_timestamp(rolled_until_us), behind_whole_days(f))
        )
    union all
    select ts, provider, model, 'first_byte', bucket_of(first_byte_us), 1
    from chosen(f)
    where
        list_contains(cast(metrics as varchar[]), 'first_byte')
        and outcome(status, error) = 'ok'
        and first_byte_us is not null
        and not (
            histograms_answer(f)
            and ts >= first_whole_day(f)
            and ts < least(make_timestamp(rolled_until_us), behind_whole_days(f))
        )
    union all
    select ts, provider, model, 'overhead', bucket_of(overhead_us), 1
    from chosen(f)
    where
        list_contains(cast(metrics as varchar[]), 'overhead')
        and outcome(status, error) = 'ok'
        and overhead_us is not null
        and not (
            histograms_answer(f)
            and ts >= first_whole_day(f)
            and ts < least(make_timestamp(rolled_until_us), behind_whole_days(f))
        )
    union all
    select ts, provider, model, 'pace', bucket_of(pace_of(stream, output_tokens, total_us, first_byte_us)), 1
    from chosen(f)
    where
        list_contains(cast(metrics as varchar[]), 'pace')
        and outcome(status, error) = 'ok'
        and pace_of(stream, output_tokens, total_us, first_byte_us) is not null
        and not (
            histograms_answer(f)
            and ts >= first_whole_day(f)
            and ts < least(make_timestamp(rolled_until_us), behind_whole_days(f))
        );
