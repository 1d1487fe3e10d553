-- Which client keys must workers look at anew, because their team changed?
update client_keys
set revision = $revision
where team_id = $id
