-- How did each provider do, by every attempt there was?
select
    attempt.provider as name,
    count(*) filter (where attempted(attempt.error, attempt.reason) is not null) as attempts,
    count(*) filter (where attempted(attempt.error, attempt.reason) = 'failed') as failed,
    cast(quantile_cont(attempt.duration_us, 0.5) as bigint) as p50_us
from (
    select unnest(attempts) as attempt
    from chosen($filter)
    where tries > 0
)
group by name
order by attempts desc, name
