-- How many client keys were used in a time?
select count(distinct coalesce(key_id, key)) as keys
from chosen($filter)
