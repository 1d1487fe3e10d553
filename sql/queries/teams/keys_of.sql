-- How many client keys has a team, revoked ones included?
select count(*) as keys
from client_keys
where team_id = $id
