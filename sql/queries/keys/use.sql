-- When was a client key last used, as far as anybody knows?
insert into key_uses (key_id, last_used_at)
values ($key_id, $last_used_at)
on conflict (key_id) do update
set last_used_at = excluded.last_used_at
where excluded.last_used_at > key_uses.last_used_at
