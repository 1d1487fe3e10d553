-- How many client keys has a user, revoked ones included?
select count(*) as keys
from client_keys
where user_id = $id
