-- Which requests that a filter means come next after this one, newest first?
select
    epoch_us(ts) as started_at_us,
    cast(id as varchar) as id,
    key,
    key_id,
    user_id,
    team_id,
    endpoint,
    requested_model,
    provider,
    model,
    answered_model,
    other_model(model, answered_model) as other_model,
    via,
    credential,
    status,
    error,
    outcome(status, error) as outcome,
    stream,
    tries,
    lossy,
    captured,
    input_tokens,
    output_tokens,
    cache_read_tokens,
    reasoning_tokens,
    usage_source,
    cost_nano_usd,
    cost_source,
    total_us,
    first_byte_us,
    overhead_us,
    tags
from (
    select *
    from chosen($filter)
    where
        ts >= make_timestamp($after_us)
        and (ts > make_timestamp($after_us) or id > cast($after_id as uuid))
    order by ts, id
    limit $limit
)
order by ts desc, id desc
