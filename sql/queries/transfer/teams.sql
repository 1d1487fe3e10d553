-- Which teams are there?
select id, name, description, created_at
from teams
order by id
