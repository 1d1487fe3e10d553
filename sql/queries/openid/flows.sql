-- How many logins are on their way?
select count(*) as flows
from login_flows
