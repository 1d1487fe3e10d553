-- Which requests of a day are not kept any longer?
delete from requests
where
    ts >= $d
    and ts < $d + interval 1 day
