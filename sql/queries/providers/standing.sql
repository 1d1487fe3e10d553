-- How did each provider, and each of its credentials, do in a time and in the end of it, which begins at `$late_us`?
with tried as (
    select
        ts >= make_timestamp($late_us) as is_late,
        epoch_us(ts) as at_us,
        cast(id as varchar) as id,
        unnest(attempts) as attempt
    from chosen($filter)
    where tries > 0
)
select
    attempt.provider as provider,
    -- Null of the provider as a whole, and empty where it asks for no credential.
    if(grouping(attempt.credential) = 1, null, coalesce(attempt.credential, '')) as credential,
    count(*) filter (where attempted(attempt.error, attempt.reason) is not null) as attempts,
    count(*) filter (where attempted(attempt.error, attempt.reason) = 'failed') as failed,
    count(*) filter (where is_late and attempted(attempt.error, attempt.reason) is not null) as late_attempts,
    count(*) filter (where is_late and attempted(attempt.error, attempt.reason) = 'failed') as late_failed,
    arg_max(
        {
            id: id,
            at_us: at_us,
            status: attempt.status,
            what: coalesce(attempt.reason, attempt.error)
        },
        at_us
    ) filter (where attempted(attempt.error, attempt.reason) = 'failed') as last_failure
from tried
where $provider is null or attempt.provider = $provider
group by grouping sets ((attempt.provider), (attempt.provider, attempt.credential))
order by provider, credential nulls first
