-- By which hash does a user's password go?
select password_hash
from users
where id = $id
