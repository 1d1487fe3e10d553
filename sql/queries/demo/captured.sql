-- Of which requests, none of them older than an instant, is it kept from now on what was said?
update requests
set captured = true
where ts >= make_timestamp($since_us) and list_contains($ids, cast(id as varchar))
