-- What is a team called from now on?
update teams
set
    name = $name,
    description = $description,
    updated_at = $now_us,
    version = version + 1
where id = $id
