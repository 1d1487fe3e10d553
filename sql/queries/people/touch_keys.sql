-- Which client keys must workers look at anew, because their user changed?
update client_keys
set revision = $revision
where user_id = $id
