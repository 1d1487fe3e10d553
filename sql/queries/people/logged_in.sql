-- When did a user last log in?
update users
set last_login_at = $now_us
where id = $id
