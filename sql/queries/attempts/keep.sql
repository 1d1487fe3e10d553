-- How often has a subject failed to log in by now?
insert into login_failures (subject, failures, last_at)
values ($subject, $failures, $last_at)
on conflict (subject) do update set
    failures = excluded.failures,
    last_at = excluded.last_at
