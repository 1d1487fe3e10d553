-- Which client key that is not revoked has this name?
select id
from client_keys
where
    name = $name
    and revoked_at is null
