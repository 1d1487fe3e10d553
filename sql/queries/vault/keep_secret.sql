-- Which secret of the gateway's own is kept from now on, unless there is one?
insert into server_secrets (name, sealed, created_at)
values ($name, $sealed, $now_us)
on conflict (name) do nothing
