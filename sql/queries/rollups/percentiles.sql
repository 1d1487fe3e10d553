-- How long did answered requests take, piece by piece of time? To within 4 %, and pieces without one are not listed.
-- Days whose requests are gone come from histograms, each as one piece that begins with it.
with counted as (
    select
        (epoch_us(ts) - $origin_us) // $step_us as piece,
        bucket,
        sum(n) as n
    from latency($filter, $metric, $rolled_until_us)
    group by piece, bucket
),
added as (
    select
        piece,
        bucket,
        sum(n) over (partition by piece order by bucket) as up_to,
        sum(n) over (partition by piece) as of_all
    from counted
)
select
    piece,
    cast(any_value(of_all) as bigint) as requests,
    time_in(min(bucket) filter (where up_to >= 0.5 * of_all)) as p50_us,
    time_in(min(bucket) filter (where up_to >= 0.9 * of_all)) as p90_us,
    time_in(min(bucket) filter (where up_to >= 0.95 * of_all)) as p95_us,
    time_in(min(bucket) filter (where up_to >= 0.99 * of_all)) as p99_us
from added
group by piece
order by piece
