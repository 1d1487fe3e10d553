-- What happened in a time?
with summed as (
    select
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
        -- In one list: what is put in order for one of them is in order for both.
        quantile_cont(first_byte_us, [0.5, 0.95]) filter (where outcome(status, error) = 'ok') as waits,
        -- How fast tokens come once they come.
        quantile_cont(pace_of(stream, output_tokens, total_us, first_byte_us), 0.5)
            filter (where outcome(status, error) = 'ok') as pace_us
    from chosen($filter)
)

select
    * exclude (waits, pace_us),
    1e6 / pace_us as tokens_per_second,
    cast(waits[1] as bigint) as p50_first_byte_us,
    cast(waits[2] as bigint) as p95_first_byte_us
from summed
