-- Which team has this name?
select id
from teams
where name = $name
