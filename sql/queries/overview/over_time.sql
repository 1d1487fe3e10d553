-- How soon was there a first byte, piece by piece, and how long did a token take then? Pieces without a request are not
-- listed.
with pieces as (
    select
        (epoch_us(ts) - $origin_us) // $step_us as bucket,
        count(*) as requests,
        -- In one list: what is put in order for one of them is in order for all.
        quantile_cont(first_byte_us, [0.5, 0.95, 0.99]) filter (where outcome(status, error) = 'ok') as waits,
        quantile_cont(pace_of(stream, output_tokens, total_us, first_byte_us), 0.5)
            filter (where outcome(status, error) = 'ok') as pace_us
    from chosen($filter)
    group by bucket
)

select
    * exclude (waits),
    cast(waits[1] as bigint) as p50_us,
    cast(waits[2] as bigint) as p95_us,
    cast(waits[3] as bigint) as p99_us
from pieces
order by bucket
