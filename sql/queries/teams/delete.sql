-- Which team is gone?
delete from teams
where id = $id
