-- What did each model of a provider do, by the requests that it answered and by every attempt there was?
with chosen_requests as (
    select
        provider,
        model,
        outcome(status, error) = 'ok' as is_ok,
        first_byte_us,
        total_us,
        input_tokens,
        output_tokens,
        cache_read_tokens,
        cost_nano_usd,
        usage_source,
        attempts,
        tries
    from chosen($filter)
),
answered as (
    select
        model,
        count(*) as requests,
        cast(quantile_cont(first_byte_us, 0.5) filter (where is_ok) as bigint) as p50_us,
        cast(quantile_cont(first_byte_us, 0.95) filter (where is_ok) as bigint) as p95_us,
        cast(quantile_cont(total_us, 0.5) filter (where is_ok) as bigint) as p50_total_us,
        cast(coalesce(sum(input_tokens), 0) as bigint) as input_tokens,
        cast(coalesce(sum(output_tokens), 0) as bigint) as output_tokens,
        cast(coalesce(sum(cache_read_tokens), 0) as bigint) as cache_read_tokens,
        cast(sum(cost_nano_usd) as bigint) as cost_nano_usd,
        count(*) filter (where usage_source = 'estimated') as estimated
    from chosen_requests
    where provider = $provider
    group by model
),
tried as (
    select
        attempt.model as model,
        count(*) filter (where attempted(attempt.error, attempt.reason) is not null) as attempts,
        count(*) filter (where attempted(attempt.error, attempt.reason) = 'failed') as failed
    from (
        select unnest(attempts) as attempt
        from chosen_requests
        where tries > 0
    )
    where attempt.provider = $provider
    group by model
)
select
    coalesce(answered.model, tried.model) as model,
    coalesce(requests, 0) as requests,
    coalesce(attempts, 0) as attempts,
    coalesce(failed, 0) as failed,
    p50_us,
    p95_us,
    p50_total_us,
    coalesce(input_tokens, 0) as input_tokens,
    coalesce(output_tokens, 0) as output_tokens,
    coalesce(cache_read_tokens, 0) as cache_read_tokens,
    cost_nano_usd,
    coalesce(estimated, 0) as estimated
from answered
full join tried on answered.model = tried.model
where coalesce(answered.model, tried.model) is not null
order by requests desc, attempts desc, model
limit $limit
