-- Which secret of the gateway's own is sealed with another key?
update server_secrets
set sealed = $sealed
where name = $name
