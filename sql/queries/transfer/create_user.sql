-- Which user is there from now on, as they were elsewhere?
insert into users (id, email, name, role, password_hash, disabled_at, created_at, updated_at)
values ($id, $email, $name, $role, $password_hash, $disabled_at, $created_at, $now_us)
