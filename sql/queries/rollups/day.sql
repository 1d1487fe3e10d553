-- How is a day rolled up?
select n, kept
from rolled
where d = $d
