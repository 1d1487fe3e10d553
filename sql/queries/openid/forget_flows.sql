-- Which logins took too long on their way?
delete from login_flows
where expires_at <= $now_us
