-- What could translation between formats not carry over, and from where to where?
with lost as (
    select unnest(dropped) as what, endpoint, upstream_format
    from requests
    where ts > now() at time zone 'UTC' - interval 7 days and lossy
)

select
    what,
    count(*) as requests,
    endpoint,
    upstream_format
from lost
group by all
order by requests desc
limit 50
