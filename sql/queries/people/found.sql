-- Which user has this id?
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
where id = $id
