-- Which user is gone?
delete from users
where id = $id
