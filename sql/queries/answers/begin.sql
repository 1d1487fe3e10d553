-- Which request is being answered from now on, if nobody has asked before or whoever did is long gone?
insert into idempotent_answers (actor, key, digest, status, sealed, created_at)
values ($actor, $key, $digest, null, null, $now_us)
on conflict (actor, key) do update set
    digest = excluded.digest,
    status = null,
    sealed = null,
    created_at = excluded.created_at
where
    idempotent_answers.created_at < $kept_since_us
    or (idempotent_answers.status is null and idempotent_answers.created_at < $abandoned_since_us)
