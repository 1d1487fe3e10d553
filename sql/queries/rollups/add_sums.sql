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
tried as (
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
    coalesce(sum(input_tokens), 0) as input_tokens,
    coalesce(sum(output_tokens), 0) as output_tokens,
    coalesce(sum(cache_read_tokens), 0) as cache_read_tokens,
    coalesce(sum(cache_write_tokens), 0) as cache_write_tokens,
    coalesce(sum(reasoning_tokens), 0) as reasoning_tokens,
    coalesce(sum(cache_write_1h_tokens), 0) as cache_write_1h_tokens,
    coalesce(sum(input_audio_tokens), 0) as input_audio_tokens,
    coalesce(sum(input_image_tokens), 0) as input_image_tokens,
    coalesce(sum(output_audio_tokens), 0) as output_audio_tokens,
    coalesce(sum(output_image_tokens), 0) as output_image_tokens,
    coalesce(sum(cost_nano_usd), 0) as cost_nano_usd,
    coalesce(sum(total_us), 0) as total_us,
    coalesce(sum(upstream_us), 0) as upstream_us
from of_day
group by since, key_id, key, user_id, team_id, provider, model, credential
union all by name
select
    cast($d as date) as d,
    since,
    key_id,
    key,
    user_id,
    team_id,
    target.provider as provider,
    target.model as model,
    null as credential,
    0 as n,
    0 as n_ok,
    0 as n_refused,
    0 as n_failed,
    0 as n_left,
    0 as n_asked,
    count(*) as n_tried,
    0 as n_unpriced,
    0 as n_estimated,
    0 as input_tokens,
    0 as output_tokens,
    0 as cache_read_tokens,
    0 as cache_write_tokens,
    0 as reasoning_tokens,
    0 as cache_write_1h_tokens,
    0 as input_audio_tokens,
    0 as input_image_tokens,
    0 as output_audio_tokens,
    0 as output_image_tokens,
    0 as cost_nano_usd,
    0 as total_us,
    0 as upstream_us
from tried
where target != answered
group by since, key_id, key, user_id, team_id, target.provider, target.model
