-- How soon did each provider answer?
select
    provider,
    cast(quantile_cont(first_byte_us, 0.5) as bigint) as p50_us
from chosen($filter)
where
    outcome(status, error) = 'ok'
    and provider is not null
group by provider
