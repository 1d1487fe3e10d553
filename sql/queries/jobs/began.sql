-- Which job has just begun?
insert into jobs (name, started_at, finished_at, error, runs, failures)
values ($name, $now_us, null, null, 1, 0)
on conflict (name) do update set
    started_at = excluded.started_at,
    finished_at = null,
    error = null,
    runs = jobs.runs + 1
