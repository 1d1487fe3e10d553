-- What failed at a provider, piece by piece, and what was made of it?
select
    (epoch_us(ts) - $origin_us) // $step_us as bucket,
    coalesce(attempt.reason, attempt.error) as what,
    count(*) as attempts,
    -- `retry`, `next_credential`, `next_target` or `stop`, null where nothing was.
    mode(attempt.verdict) as verdict,
    cast(coalesce(sum(attempt.rest_us), 0) as bigint) as rest_us
from (
    select ts, unnest(attempts) as attempt
    from chosen($filter)
    where tries > 0
)
where
    attempt.provider = $provider
    and attempted(attempt.error, attempt.reason) = 'failed'
group by bucket, what
order by bucket, what
