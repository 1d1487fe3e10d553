-- By which hash does a user's password go from now on?
update users
set
    password_hash = $password_hash,
    updated_at = $now_us,
    version = version + 1
where id = $id
