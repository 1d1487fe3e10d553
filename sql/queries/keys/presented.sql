-- Which client key that is not revoked has this digest, or this id?
select
    client_keys.id,
    client_keys.name,
    client_keys.digest,
    client_keys.user_id,
    client_keys.team_id,
    client_keys.spec,
    client_keys.paused_at,
    client_keys.expires_at,
    client_keys.revoked_at,
    case
        when users.role = 'pending' then coalesce(users.disabled_at, users.updated_at)
        else users.disabled_at
    end as user_disabled_at
from client_keys
left join users
    on users.id = client_keys.user_id
where
    (client_keys.digest = $digest or client_keys.id = $id)
    and client_keys.revoked_at is null
