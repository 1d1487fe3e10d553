-- Which users are there, latest first, as far as asked for?
select
    id,
    email,
    name,
    role,
    case when password_hash is null then 0 else 1 end as has_password,
    disabled_at,
    created_at,
    updated_at,
    last_login_at,
    version
from users
where
    (cast($before_id as text) is null or id < $before_id)
    and (cast($role as text) is null or role = $role)
    and (cast($disabled as bigint) is null or (disabled_at is not null) = (cast($disabled as bigint) = 1))
    and (
        cast($search as text) is null
        or email like '%' || lower(cast($search as text)) || '%'
        or lower(name) like '%' || lower(cast($search as text)) || '%'
    )
order by id desc
limit $limit
