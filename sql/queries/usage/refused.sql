-- Since when is each credential of these providers refused that was tried of late, and what for?
with tried as (
    select
        unnest(attempts) as attempt,
        epoch_us(ts) as began_us
    from requests
    where ts >= make_timestamp($from_us)
),
told as (
    select
        attempt.provider as provider,
        attempt.credential as credential,
        attempt.reason as reason,
        attempt.error is null as is_answered,
        began_us + coalesce(attempt.began_us, 0) as sent_us
    from tried
    where
        list_contains($providers, attempt.provider)
        and (attempt.error is null or attempt.reason in ('auth', 'forbidden', 'quota'))
),
proven as (
    select
        *,
        max(sent_us) filter (where is_answered) over (partition by provider, credential) as answered_us
    from told
)
select
    provider,
    coalesce(credential, '') as credential,
    min(sent_us) filter (where not is_answered and sent_us >= coalesce(answered_us, 0)) as refused_us,
    arg_max(reason, sent_us) filter (where not is_answered) as reason
from proven
group by provider, coalesce(credential, '')
order by provider, coalesce(credential, '')
