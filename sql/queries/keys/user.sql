-- Is there a user with this id, to own a key?
select id
from users
where id = $id
