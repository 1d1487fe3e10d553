-- What do the requests of a day come to, those apart that follow an instant at which somebody begins to count?
insert into usage_daily by name
with of_day as (
    select
        * exclude (key_id),
        coalesce(key_id, key) as key_id,
        -- Of what is null, `greatest` takes no notice.
        greatest(
            cast($d as timestamp),
            list_max([
                cut.since
                for cut in cast($cuts as struct(key_id varchar, since timestamp)[])
                if cut.since <= ts and (cut.key_id is null or cut.key_id = coalesce(key_id, key, ''))
            ])
        ) as since
    from requests
    where
        ts >= $d
        and ts < $d + interval 1 day
),
answered as (
    select
        since,
        key_id,
        key,
        user_id,
        team_id,
        provider,
        model,
        credential,
        error,
        count(*) as n,
        count(*) filter (where outcome(status, error) = 'ok') as n_ok,
        count(*) filter (where outcome(status, error) = 'refused') as n_refused,
        count(*) filter (where outcome(status, error) = 'failed') as n_failed,
        count(*) filter (where outcome(status, error) = 'left') as n_left,
        count(*) filter (where tries > 0) as n_asked,
        -- A request is answered by a target that was tried.
        count(*) filter (where tries > 0) as n_tried,
        count(*) filter (where cost_source = 'unpriced') as n_unpriced,
        count(*) filter (where usage_source = 'estimated') as n_estimated,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        sum(cache_read_tokens) as cache_read_tokens,
        sum(cache_write_tokens) as cache_write_tokens,
        sum(reasoning_tokens) as reasoning_tokens,
        sum(cache_write_1h_tokens) as cache_write_1h_tokens,
        sum(input_audio_tokens) as input_audio_tokens,
        sum(input_image_tokens) as input_image_tokens,
        sum(output_audio_tokens) as output_audio_tokens,
        sum(output_image_tokens) as output_image_tokens,
        sum(cost_nano_usd) as cost_nano_usd,
        sum(total_us) as total_us,
        sum(upstream_us) as upstream_us
    from of_day
    group by since, key_id, key, user_id, team_id, provider, model, credential, error
),
in_vain as (
    select
        since,
        key_id,
        key,
        user_id,
        team_id,
        {'provider': provider, 'model': model} as answered,
        unnest(list_distinct([{'provider': each.provider, 'model': each.model} for each in attempts])) as target
    from of_day
    where tries > 1
),
attempted as (
    select since, key_id, key, user_id, team_id, unnest(attempts) as attempt
    from of_day
    where tries > 0
),
added as (
    from answered
    union all by name
    select
        since,
        key_id,
        key,
        user_id,
        team_id,
        target.provider as provider,
        target.model as model,
        count(*) as n_tried
    from in_vain
    where target != answered
    group by since, key_id, key, user_id, team_id, target.provider, target.model
    union all by name
    select
        since,
        key_id,
        key,
        user_id,
        team_id,
        attempt.provider as provider,
        attempt.model as model,
        attempt.credential as credential,
        count(*) as n_attempts,
        count(*) filter (where attempted(attempt.error, attempt.reason) = 'failed') as n_attempts_failed
    from attempted
    where attempted(attempt.error, attempt.reason) is not null
    group by since, key_id, key, user_id, team_id, attempt.provider, attempt.model, attempt.credential
)

select
    cast($d as date) as d,
    since,
    key_id,
    key,
    user_id,
    team_id,
    provider,
    model,
    credential,
    error,
    coalesce(sum(columns(* exclude (since, key_id, key, user_id, team_id, provider, model, credential, error))), 0)
from added
group by since, key_id, key, user_id, team_id, provider, model, credential, error
