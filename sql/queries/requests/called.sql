-- Which requests does their provider know by this id, whenever that was? No more than two: it means one, or none.
select cast(id as varchar) as id
from requests
where
    upstream_request_id = $name
    -- A key of the configuration file has no other id than its name.
    and ($key_ids is null or list_contains(cast($key_ids as varchar[]), coalesce(key_id, key)))
limit 2
