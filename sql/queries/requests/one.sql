-- What is known of this request? An id tells when it began, so that hardly more than its own place is looked at.
select
    epoch_us(ts) as started_at_us,
    cast(id as varchar) as id,
    outcome(status, error) as outcome,
    other_model(model, answered_model) as other_model,
    * exclude (ts, id)
from requests
where
    ts >= make_timestamp($since_us)
    and ts < make_timestamp($until_us)
    and id = cast($id as uuid)
    -- A key of the configuration file has no other id than its name.
    and ($key_ids is null or list_contains(cast($key_ids as varchar[]), coalesce(key_id, key)))
limit 1
