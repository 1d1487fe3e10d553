-- Which days are over, with all their requests, and how many are they?
select d, n
from rolled
where
    kept = 'requests'
    and n > 0
    and d >= $since
order by d desc
