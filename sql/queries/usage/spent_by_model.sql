-- What was spent on each model in the present periods? One that was tried in vain has had a request, and no more.
with tried as (
    select
        ts,
        {'provider': provider, 'model': model} as answered,
        unnest(list_distinct([{'provider': each.provider, 'model': each.model} for each in attempts])) as target
    from requests
    where
        ts >= make_timestamp($since_us)
        and key is not null
        and tries > 1
),
counted as (
    select since, provider, model, cost_nano_usd, tokens, n_tried
    from spending
    where
        since >= make_timestamp($since_us)
        and key is not null
        and provider is not null
    union all
    select ts, target.provider, target.model, 0, 0, 1
    from tried
    where target != answered
)
select
    provider,
    model,
    cast(coalesce(sum(cost_nano_usd) filter (where since >= make_timestamp($day_us)), 0) as bigint) as day_nano_usd,
    cast(coalesce(sum(cost_nano_usd) filter (where since >= make_timestamp($week_us)), 0) as bigint) as week_nano_usd,
    cast(coalesce(sum(cost_nano_usd) filter (where since >= make_timestamp($month_us)), 0) as bigint) as month_nano_usd,
    cast(coalesce(sum(cost_nano_usd), 0) as bigint) as total_nano_usd,
    cast(coalesce(sum(tokens) filter (where since >= make_timestamp($month_us)), 0) as bigint) as month_tokens,
    cast(coalesce(sum(n_tried) filter (where since >= make_timestamp($month_us)), 0) as bigint) as month_requests
from counted
group by provider, model
