-- How long did requests take, piece by piece? Only answered ones count, and pieces without one are not listed.
select
    (epoch_us(ts) - $origin_us) // $step_us as bucket,
    count(*) as requests,
    quantile_cont(total_us, [0.5, 0.95, 0.99]) as total,
    quantile_cont(first_byte_us, [0.5, 0.95, 0.99]) as first_byte,
    quantile_cont(overhead_us, [0.5, 0.95, 0.99]) as overhead
from chosen($filter)
where outcome(status, error) = 'ok'
group by bucket
order by bucket
