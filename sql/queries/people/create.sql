-- Which user is there from now on?
insert into users (id, email, name, role, password_hash, created_at, updated_at)
values ($id, $email, $name, $role, $password_hash, $now_us, $now_us)
