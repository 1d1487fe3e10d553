-- What happened in a time and in the one before it, which ends at `$middle_us`?
select
    ts >= make_timestamp($middle_us) as is_now,
    count(*) as requests,
    count(*) filter (where outcome(status, error) = 'failed') as failed,
    count(*) filter (where outcome(status, error) = 'refused') as refused,
    count(*) filter (where outcome(status, error) = 'left') as gone,
    cast(sum(cost_nano_usd) as bigint) as cost_nano_usd,
    count(*) filter (where cost_source = 'unpriced') as unpriced,
    count(*) filter (where usage_source = 'estimated') as estimated,
    cast(coalesce(sum(input_tokens), 0) as bigint) as input_tokens,
    cast(coalesce(sum(output_tokens), 0) as bigint) as output_tokens,
    cast(coalesce(sum(cache_read_tokens), 0) as bigint) as cache_read_tokens,
    count(distinct coalesce(key_id, key)) as keys,
    cast(quantile_cont(first_byte_us, 0.5) filter (where outcome(status, error) = 'ok') as bigint) as p50_first_byte_us,
    cast(quantile_cont(first_byte_us, 0.95) filter (where outcome(status, error) = 'ok') as bigint) as p95_first_byte_us,
    -- How fast tokens come once they come.
    quantile_cont(
        output_tokens * 1e6 / (total_us - first_byte_us), 0.5
    ) filter (where stream and output_tokens > 1 and total_us - first_byte_us > 10000) as tokens_per_second
from chosen($filter)
group by is_now
