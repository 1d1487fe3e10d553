-- Which object of the configuration has its secrets sealed with another key?
update configuration
set sealed = $sealed
where
    kind = $kind
    and name = $name
