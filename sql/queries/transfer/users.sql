-- Which users are there, with how they log in?
select id, email, name, role, password_hash, disabled_at, created_at
from users
order by id
