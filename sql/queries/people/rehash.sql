-- By which better hash does the same password go from now on, unless it was changed meanwhile?
update users
set password_hash = $password_hash
where
    id = $id
    and password_hash = $former_hash
