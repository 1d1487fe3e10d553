-- Which login is on its way to a provider?
insert into login_flows (digest, provider, sealed, return_to, expires_at)
values ($digest, $provider, $sealed, $return_to, $expires_at)
