-- Which failures are so old that they are all forgiven?
delete from login_failures
where last_at < $before_us
