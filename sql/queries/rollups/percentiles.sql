-- How long did answered requests take, by each of these metrics, piece by piece of time and in all? To within 4 %. Pieces
-- without one are not listed, and that of all is null. Days whose requests are gone come from histograms, each as one
-- piece that begins with it.
with counted as materialized (
    select
        (epoch_us(ts) - $origin_us) // $step_us as piece,
        metric,
        bucket,
        sum(n) as n
    from latency($filter, $metrics, $rolled_until_us)
    group by piece, metric, bucket
),
with_all as (
    from counted
    union all
    select
        null,
        metric,
        bucket,
        sum(n)
    from counted
    group by metric, bucket
),
added as (
    select
        piece,
        metric,
        bucket,
        sum(n) over (partition by piece, metric order by bucket) as up_to,
        sum(n) over (partition by piece, metric) as of_all
    from with_all
)
select
    piece,
    metric,
    cast(any_value(of_all) as bigint) as requests,
    time_in(min(bucket) filter (where up_to >= 0.5 * of_all)) as p50_us,
    time_in(min(bucket) filter (where up_to >= 0.9 * of_all)) as p90_us,
    time_in(min(bucket) filter (where up_to >= 0.95 * of_all)) as p95_us,
    time_in(min(bucket) filter (where up_to >= 0.99 * of_all)) as p99_us
from added
group by piece, metric
order by piece, metric
