-- Of which days is nothing kept from now on?
update rolled
set kept = 'nothing'
where
    kept = 'sums'
    and d < $sums_before
