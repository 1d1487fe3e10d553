-- Which logins on their way end with the key that sealed them?
delete from login_flows
