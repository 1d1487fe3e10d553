-- Is there a team with this id, to own a key?
select id
from teams
where id = $id
