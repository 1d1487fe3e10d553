-- How many client keys and API tokens go by digests under the gateway's secret?
select
    (select count(*) from client_keys where revoked_at is null) as client_keys,
    (select count(*) from api_tokens where revoked_at is null) as api_tokens
