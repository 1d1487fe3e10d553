-- How long did requests take, piece by piece? Only answered ones count, and pieces without one are not listed.
select
    bucket,
    count(*) as requests,
    quantile_cont(took_us, [0.5, 0.95, 0.99]) as took_us,
    cast(quantile_cont(overhead_us, 0.5) as bigint) as overhead_us,
    cast(quantile_cont(total_us, 0.5) as bigint) as total_us
from (
    select
        (epoch_us(ts) - $origin_us) // $step_us as bucket,
        case $metric
            when 'total' then total_us
            when 'overhead' then overhead_us
            else first_byte_us
        end as took_us,
        overhead_us,
        total_us
    from chosen($filter)
    where outcome(status, error) = 'ok'
)
group by bucket
order by bucket
