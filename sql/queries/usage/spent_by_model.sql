-- What was spent on each model in the present periods? One that was tried in vain has had a request, and no more.
with tried as (
    select
        id,
        ts,
        provider as answered_provider,
        model as answered_model,
        cost_nano_usd,
        input_tokens + output_tokens as all_tokens,
        unnest(attempts) as attempt
    from requests
    where
        ts >= make_timestamp($since_us)
        and key is not null
),
counted as (
    select distinct
        id,
        ts,
        attempt.provider as provider,
        attempt.model as model,
        true as asked,
        case
            when attempt.provider = answered_provider and attempt.model = answered_model then cost_nano_usd
        end as nano_usd,
        case when attempt.provider = answered_provider and attempt.model = answered_model then all_tokens end as tokens
    from tried
)
select
    provider,
    model,
    cast(coalesce(sum(nano_usd) filter (where ts >= make_timestamp($day_us)), 0) as bigint) as day_nano_usd,
    cast(coalesce(sum(nano_usd) filter (where ts >= make_timestamp($week_us)), 0) as bigint) as week_nano_usd,
    cast(coalesce(sum(nano_usd) filter (where ts >= make_timestamp($month_us)), 0) as bigint) as month_nano_usd,
    cast(coalesce(sum(nano_usd), 0) as bigint) as total_nano_usd,
    cast(coalesce(sum(tokens) filter (where ts >= make_timestamp($month_us)), 0) as bigint) as month_tokens,
    count(*) filter (where asked and ts >= make_timestamp($month_us)) as month_requests
from counted
group by provider, model
