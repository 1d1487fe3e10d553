-- How soon did providers answer in a time and in the end of it, which begins at `$late_us`, and what did it cost?
select
    provider,
    count(*) as requests,
    cast(quantile_cont(first_byte_us, 0.5) filter (where outcome(status, error) = 'ok') as bigint) as p50_us,
    cast(quantile_cont(first_byte_us, 0.95) filter (where outcome(status, error) = 'ok') as bigint) as p95_us,
    cast(
        quantile_cont(first_byte_us, 0.5) filter (
            where outcome(status, error) = 'ok' and ts >= make_timestamp($late_us)
        ) as bigint
    ) as late_p50_us,
    cast(sum(cost_nano_usd) as bigint) as cost_nano_usd
from chosen($filter)
where provider is not null
group by provider
order by provider
