-- Which user has this e-mail address, and how do they log in?
select
    id,
    email,
    name,
    role,
    password_hash,
    case when password_hash is null then 0 else 1 end as has_password,
    disabled_at,
    created_at,
    updated_at,
    last_login_at,
    version
from users
where email = $email
