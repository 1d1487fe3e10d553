-- Which login comes back from its provider, once?
delete from login_flows
where digest = $digest
returning provider, sealed, return_to, expires_at
