-- Which logins at providers lead to a user?
select provider, subject, email, created_at, last_login_at
from identities
where user_id = $user_id
order by provider, subject
