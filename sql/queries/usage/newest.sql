-- What were the latest requests?
select
    epoch_us(ts) as started_at_us,
    cast(id as varchar) as id,
    key,
    endpoint,
    requested_model,
    provider,
    model,
    credential,
    status,
    error,
    stream,
    input_tokens,
    output_tokens,
    cache_read_tokens,
    cache_write_tokens,
    reasoning_tokens,
    usage_source,
    cost_nano_usd,
    cost_source,
    price,
    cache_write_1h_tokens,
    input_audio_tokens,
    input_image_tokens,
    output_audio_tokens,
    output_image_tokens,
    attempts,
    total_us,
    first_byte_us,
    upstream_us,
    overhead_us,
    request_bytes,
    response_bytes,
    upstream_request_id,
    user_agent,
    worker,
    dropped,
    upstream_format,
    key_id,
    user_id,
    team_id
from requests
where
    ts >= make_timestamp($since_us)
    and ($key is null or key = $key)
    -- A key of the configuration file has no other id than its name.
    and ($key_ids is null or list_contains(cast($key_ids as varchar[]), coalesce(key_id, key)))
order by ts desc, id desc
limit $limit
