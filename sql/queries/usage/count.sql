-- How many requests does the store hold?
select count(*) as requests
from requests
