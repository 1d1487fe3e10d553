-- Of the requests that ended lately, how many went well and how many failed, of all and of those sent to each provider?
with lately as (
    select status, error, attempts
    from requests
    where
        -- Records are in the order in which requests began: one that hung for long began long before.
        ts >= make_timestamp($from_us)
        and epoch_us(ts) + coalesce(total_us, 0) >= $since_us
),
tried as (
    select
        unnest(attempts) as attempt,
        outcome(status, error) = 'ok' as is_saved
    from lately
),
judged as (
    select
        '' as provider,
        error as what,
        outcome(status, error) = 'failed' as failed
    from lately
    where outcome(status, error) in ('ok', 'failed')
    union all
    select
        attempt.provider as provider,
        coalesce(attempt.reason, attempt.error) as what,
        attempted(attempt.error, attempt.reason) = 'failed' as failed
    from tried
    where
        attempted(attempt.error, attempt.reason) is not null
        -- That a credential is limited, and another one answers, is what there are several for.
        and not (is_saved and attempt.error is not null and coalesce(attempt.reason, '') = 'rate_limit')
)
select
    provider,
    count(*) as requests,
    count(*) filter (where failed) as failed,
    mode(what) filter (where failed) as commonest
from judged
where provider is not null
group by provider
order by provider
