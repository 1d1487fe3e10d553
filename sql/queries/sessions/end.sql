-- Which session is over?
delete from sessions
where id = $id
