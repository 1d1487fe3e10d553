-- What are teams called?
select id, name
from teams
