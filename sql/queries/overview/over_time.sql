-- How did it go, piece by piece? Pieces without a request are not listed.
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
    cast(quantile_cont(first_byte_us, 0.5) filter (where outcome(status, error) = 'ok') as bigint) as p50_first_byte_us,
    cast(quantile_cont(first_byte_us, 0.95) filter (where outcome(status, error) = 'ok') as bigint) as p95_first_byte_us,
    cast(quantile_cont(first_byte_us, 0.99) filter (where outcome(status, error) = 'ok') as bigint) as p99_first_byte_us
from chosen($filter)
group by bucket
order by bucket
