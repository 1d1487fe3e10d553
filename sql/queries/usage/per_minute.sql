-- How did it go, minute by minute? Minutes without a request are not listed.
select
    epoch_us(date_trunc('minute', ts)) as minute_us,
    count(*) as requests,
    count(*) filter (where error is not null) as errors,
    cast(coalesce(sum(input_tokens), 0) + coalesce(sum(output_tokens), 0) as bigint) as tokens,
    cast(coalesce(sum(cost_nano_usd), 0) as bigint) as cost_nano_usd,
    cast(percentile_cont(0.5) within group (order by first_byte_us) as bigint) as p50_first_byte_us
from requests
where
    ts >= make_timestamp($since_us)
    and ts < make_timestamp($until_us)
group by minute_us
order by minute_us
