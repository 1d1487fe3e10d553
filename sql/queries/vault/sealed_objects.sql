-- Which objects of the configuration have secrets?
select kind, name, sealed
from configuration
where sealed is not null
order by kind, name
