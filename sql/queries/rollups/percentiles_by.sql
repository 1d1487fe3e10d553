-- How long did answered requests take, by each of these metrics, of each provider or each of its models? To within 4 %.
with counted as (
    select
        provider,
        case $by when 'model' then model end as model,
        metric,
        bucket,
        sum(n) as n
    from latency($filter, $metrics, $rolled_until_us)
    where provider is not null
    group by all
),
added as (
    select
        provider,
        model,
        metric,
        bucket,
        sum(n) over (partition by provider, model, metric order by bucket) as up_to,
        sum(n) over (partition by provider, model, metric) as of_all
    from counted
)
select
    provider,
    model,
    metric,
    cast(any_value(of_all) as bigint) as requests,
    time_in(min(bucket) filter (where up_to >= 0.5 * of_all)) as p50_us,
    time_in(min(bucket) filter (where up_to >= 0.95 * of_all)) as p95_us,
    time_in(min(bucket) filter (where up_to >= 0.99 * of_all)) as p99_us
from added
group by provider, model, metric
order by provider, model, metric
