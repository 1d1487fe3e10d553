-- Which subject has nothing against it any more?
delete from login_failures
where subject = $subject
