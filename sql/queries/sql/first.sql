-- Which requests came last?
select *
from requests
order by ts desc
limit 50
