-- Which attempt last laid what of a provider to rest, and how is that known?
select
    attempt.credential as credential,
    attempt.model as model,
    coalesce(attempt.reason, attempt.error) as reason,
    arg_max(
        {
            id: id,
            at_us: at_us,
            status: attempt.status,
            error: attempt.error,
            rest_us: attempt.rest_us,
            rest_by: attempt.rest_by
        },
        at_us
    ) as latest
from (
    select
        epoch_us(ts) as at_us,
        cast(id as varchar) as id,
        unnest(attempts) as attempt
    from chosen($filter)
    where tries > 0
)
where
    attempt.provider = $provider
    and attempted(attempt.error, attempt.reason) = 'failed'
group by attempt.credential, attempt.model, reason
