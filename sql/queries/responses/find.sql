-- Which response of this key has this id, unless it has expired?
select
    id,
    key,
    created_at,
    expires_at,
    previous_id,
    provider,
    credential,
    model,
    native,
    omitted,
    input,
    response,
    status
from responses
where
    key = $key
    and id = $id
    and expires_at > $now
