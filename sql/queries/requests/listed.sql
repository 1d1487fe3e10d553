-- Which requests does a filter mean, newest first? Those behind one of them, where that is named.
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
from chosen($filter)
where
    -- By time alone first: what is newer is not even looked at.
    ts <= make_timestamp(coalesce($before_us, ($filter)['until_us']))
    and ($before_us is null or ts < make_timestamp($before_us) or id < cast($before_id as uuid))
order by ts desc, id desc
limit $limit
