-- How many client keys were used, piece by piece? Pieces without a request are not listed.
-- Beside other sums, distinct ones would take several times as long.
with used as (
    select
        (epoch_us(ts) - $origin_us) // $step_us as bucket,
        coalesce(key_id, key) as client_key
    from chosen($filter)
    group by bucket, client_key
)

select
    bucket,
    count(client_key) as keys
from used
group by bucket
order by bucket
