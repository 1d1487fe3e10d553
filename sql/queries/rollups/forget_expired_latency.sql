-- Which histograms are not kept any longer?
delete from latency_hourly
where cast(h as date) in (select d from rolled where kept = 'sums' and d < $sums_before)
