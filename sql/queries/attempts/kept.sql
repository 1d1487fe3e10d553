-- How often has a subject failed to log in?
select failures, last_at
from login_failures
where subject = $subject
