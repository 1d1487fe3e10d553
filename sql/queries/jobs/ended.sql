-- How did a job end?
update jobs
set
    finished_at = $now_us,
    error = $error,
    failures = failures + $failed
where name = $name
