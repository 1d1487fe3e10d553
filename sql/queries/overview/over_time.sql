-- How did it go, piece by piece? Pieces without a request are not listed.
with pieces as (
    select
        (epoch_us(ts) - $origin_us) // $step_us as bucket,
        count(*) as requests,
        count(*) filter (where outcome(status, error) = 'ok') as ok,
        count(*) filter (where outcome(status, error) = 'failed') as failed,
        count(*) filter (where outcome(status, error) = 'refused') as refused,
        count(*) filter (where outcome(status, error) = 'left') as gone,
        cast(coalesce(sum(cost_nano_usd), 0) as bigint) as cost_nano_usd,
        cast(coalesce(sum(input_tokens), 0) as bigint) as input_tokens,
        cast(coalesce(sum(output_tokens), 0) as bigint) as output_tokens,
        cast(coalesce(sum(cache_read_tokens), 0) as bigint) as cache_read_tokens,
        count(distinct coalesce(key_id, key)) as keys,
        -- In one list: what is put in order for one of them is in order for all.
        quantile_cont(first_byte_us, [0.5, 0.95, 0.99]) filter (where outcome(status, error) = 'ok') as waits
    from chosen($filter)
    group by bucket
)

select
    * exclude (waits),
    cast(waits[1] as bigint) as p50_first_byte_us,
    cast(waits[2] as bigint) as p95_first_byte_us,
    cast(waits[3] as bigint) as p99_first_byte_us
from pieces
order by bucket
