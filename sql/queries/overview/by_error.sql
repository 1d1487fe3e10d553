-- What went wrong, and how often?
select
    error as name,
    count(*) as requests,
    max(epoch_us(ts)) as last_us
from chosen($filter)
where error is not null
group by name
order by requests desc, name
limit $limit
