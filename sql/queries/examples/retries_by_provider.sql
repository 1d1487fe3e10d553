-- How many attempts at each provider failed, and how often did another one have to answer?
with attempted as (
    select unnest(attempts) as attempt, provider as answered_by
    from requests
    where ts > now() at time zone 'UTC' - interval 7 days
)

select
    attempt.provider as provider,
    count(*) filter (where attempt.error is not null) as failed,
    count(*) as attempts,
    count(*) filter (where attempt.error is not null) / count(*) as share_failed,
    count(*) filter (where attempt.error is not null and answered_by <> attempt.provider) as answered_by_others
from attempted
group by attempt.provider
order by failed desc
