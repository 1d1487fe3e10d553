-- Which client keys are there, latest first, as far as asked for?
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
where
    (cast($before_id as text) is null or client_keys.id < $before_id)
    and (cast($user_id as text) is null or client_keys.user_id = $user_id)
    and (cast($team_id as text) is null or client_keys.team_id = $team_id)
    and (cast($tag_line as text) is null or replace(client_keys.tags, cast($tag_line as text), '') <> client_keys.tags)
    and (cast($search as text) is null or lower(client_keys.name) like '%' || lower(cast($search as text)) || '%')
    and (
        cast($status as text) is null
        or $status = case
            when client_keys.revoked_at is not null then 'revoked'
            when client_keys.expires_at <= cast($now_us as bigint) then 'expired'
            when client_keys.paused_at is not null then 'paused'
            when users.disabled_at is not null or users.role = 'pending' then 'suspended'
            else 'active'
        end
    )
    and (
        cast($own_only as bigint) = 0
        or client_keys.user_id = cast($own_user_id as text)
        or client_keys.team_id in (
            select team_members.team_id
            from team_members
            where team_members.user_id = cast($own_user_id as text)
        )
    )
order by client_keys.id desc
limit $limit
