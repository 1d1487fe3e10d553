-- Which sums of a day are not needed any more?
delete from usage_daily
where d = $d
