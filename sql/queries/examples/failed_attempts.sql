-- Which credentials failed in the last 7 days, why, and what was made of it?
with attempted as (
    select unnest(attempts) as attempt
    from requests
    where ts > now() at time zone 'UTC' - interval 7 days
)

select
    concat(attempt.provider, '/', attempt.credential) as credential,
    count(*) as attempts,
    attempt.error,
    attempt.reason,
    attempt.verdict,
    sum(attempt.rest_us) / 1e6 as rested_seconds
from attempted
where attempt.error is not null
group by all
order by attempts desc
