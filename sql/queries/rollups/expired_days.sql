-- Of which days is more kept than is to be kept?
select d, kept
from rolled
where
    (kept = 'requests' and d < $requests_before)
    or (kept = 'sums' and d < $sums_before)
order by d
