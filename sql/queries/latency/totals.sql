-- How long did requests take, in a time and in the one before it, which ends at `$middle_us`?
select
    ts >= make_timestamp($middle_us) as is_now,
    count(*) as requests,
    quantile_cont(total_us, [0.5, 0.95, 0.99]) as total_us,
    quantile_cont(first_byte_us, [0.5, 0.95, 0.99]) as first_byte_us,
    quantile_cont(overhead_us, [0.5, 0.95, 0.99]) as overhead_us
from chosen($filter)
where outcome(status, error) = 'ok'
group by is_now
