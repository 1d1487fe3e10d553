-- How did each job last go?
select name, started_at, finished_at, error, runs, failures
from jobs
order by name
