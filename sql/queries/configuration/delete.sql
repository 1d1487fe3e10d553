-- Which object does the configuration no longer have?
delete from configuration
where
    kind = $kind
    and name = $name
