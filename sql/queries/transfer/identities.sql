-- Which logins at providers lead to users?
select user_id, provider, subject, email
from identities
order by user_id, provider, subject
