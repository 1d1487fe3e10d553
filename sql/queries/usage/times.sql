-- How long did answered requests take, of each client key, each model or each provider?
with timed as (
    select
        case $by
            when 'key' then coalesce(key_id, key)
            when 'model' then provider || '/' || model
            else provider
        end as what,
        -- In one list: what is put in order for one of them is in order for both.
        quantile_cont(total_us, [0.5, 0.95]) as total_us,
        quantile_cont(first_byte_us, [0.5, 0.95]) as first_byte_us
    from chosen($filter)
    where
        outcome(status, error) = 'ok'
        and ($key is null or key = $key)
    group by what
)

select
    what,
    cast(total_us[1] as bigint) as p50_total_us,
    cast(total_us[2] as bigint) as p95_total_us,
    cast(first_byte_us[1] as bigint) as p50_first_byte_us,
    cast(first_byte_us[2] as bigint) as p95_first_byte_us
from timed
