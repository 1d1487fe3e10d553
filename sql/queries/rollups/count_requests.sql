-- How many requests of a day are there?
select count(*) as n
from requests
where
    ts >= $d
    and ts < $d + interval 1 day
