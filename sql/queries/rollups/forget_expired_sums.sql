-- Which sums are not kept any longer?
delete from usage_daily
where d in (select d from rolled where kept = 'sums' and d < $sums_before)
