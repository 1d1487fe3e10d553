-- Since when is a client key counted, after somebody had it counted from nothing?
insert into limit_resets (key_id, at)
values ($key_id, $now_us)
on conflict (key_id) do update set
    at = excluded.at
