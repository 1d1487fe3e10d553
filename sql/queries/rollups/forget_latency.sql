-- Which histograms of a day are not needed any more?
delete from latency_hourly
where
    h >= $d
    and h < $d + interval 1 day
