-- Who is a user from now on, and what may they do? They are disabled once.
update users
set
    email = $email,
    name = $name,
    role = $role,
    disabled_at = case when cast($disabled_at as bigint) is null then null else coalesce(disabled_at, $disabled_at) end,
    updated_at = $now_us,
    version = version + 1
where id = $id
