-- What did each client key do?
select
    key as name,
    count(*) as requests,
    count(*) filter (where error is not null) as errors,
    cast(coalesce(sum(input_tokens), 0) as bigint) as input_tokens,
    cast(coalesce(sum(output_tokens), 0) as bigint) as output_tokens,
    cast(coalesce(sum(cache_read_tokens), 0) as bigint) as cache_read_tokens,
    cast(coalesce(sum(cache_write_tokens), 0) as bigint) as cache_write_tokens,
    cast(coalesce(sum(reasoning_tokens), 0) as bigint) as reasoning_tokens,
    cast(sum(cost_nano_usd) as bigint) as cost_nano_usd,
    cast(percentile_cont(0.5) within group (order by total_us) as bigint) as p50_total_us,
    cast(percentile_cont(0.95) within group (order by total_us) as bigint) as p95_total_us,
    cast(percentile_cont(0.5) within group (order by first_byte_us) as bigint) as p50_first_byte_us,
    cast(percentile_cont(0.95) within group (order by first_byte_us) as bigint) as p95_first_byte_us
from requests
where
    ts >= make_timestamp($since_us)
    and ($key is null or key = $key)
    -- A key of the configuration file has no other id than its name.
    and ($key_ids is null or list_contains(cast($key_ids as varchar[]), coalesce(key_id, key)))
group by name
order by requests desc, name
limit $limit
