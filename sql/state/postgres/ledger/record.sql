-- Which migration is applied from now on?
insert into schema_migrations (version, name, checksum, applied_at)
values ($version, $name, $checksum, $now_us)
