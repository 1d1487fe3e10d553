-- Which object does the configuration have from now on, behind the others of its kind where no place is asked for?
insert into configuration (kind, name, spec, sealed, position, created_at, updated_at)
select
    $kind,
    $name,
    $spec,
    $sealed,
    coalesce(
        cast($position as bigint),
        (select max(others.position) + 1 from configuration as others where others.kind = $kind),
        1
    ),
    $now_us,
    $now_us
