-- Which client key has this id?
select
    client_keys.id,
    client_keys.name,
    client_keys.prefix,
    client_keys.last_four,
    client_keys.user_id,
    client_keys.team_id,
    client_keys.spec,
    client_keys.locked,
    client_keys.paused_at,
    client_keys.expires_at,
    client_keys.revoked_at,
    client_keys.created_at,
    client_keys.updated_at,
    client_keys.version,
    case
        when users.role = 'pending' then coalesce(users.disabled_at, users.updated_at)
        else users.disabled_at
    end as user_disabled_at,
    key_uses.last_used_at
from client_keys
left join users
    on users.id = client_keys.user_id
left join key_uses
    on key_uses.key_id = 'key:' || client_keys.id
where client_keys.id = $id
