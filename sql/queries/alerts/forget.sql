-- Which alerts have long been over?
delete from alerts
where
    closed_at is not null
    and closed_at < $before_us
