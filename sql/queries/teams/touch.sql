-- Which team has changed, in its members?
update teams
set
    updated_at = $now_us,
    version = version + 1
where id = $id
