-- How is an object of the configuration from now on?
update configuration
set
    spec = $spec,
    sealed = $sealed,
    position = coalesce(cast($position as bigint), position),
    updated_at = $now_us,
    version = version + 1
where
    kind = $kind
    and name = $name
