-- What happened between these two instants, all together?
select
    count(*) as requests,
    count(*) filter (where error is not null) as errors,
    cast(coalesce(sum(input_tokens), 0) as bigint) as input_tokens,
    cast(coalesce(sum(output_tokens), 0) as bigint) as output_tokens,
    cast(sum(cost_nano_usd) as bigint) as cost_nano_usd,
    cast(percentile_cont(0.5) within group (order by first_byte_us) as bigint) as p50_first_byte_us,
    cast(percentile_cont(0.95) within group (order by first_byte_us) as bigint) as p95_first_byte_us
from requests
where
    ts >= make_timestamp($since_us)
    and ts < make_timestamp($until_us)
