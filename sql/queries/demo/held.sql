-- How many requests were seen before this instant?
select count(*) as requests
from requests
where ts < make_timestamp($until_us)
