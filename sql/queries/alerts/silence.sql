-- Of which alert does nobody want to hear any more, as long as it lasts?
update alerts
set silenced_at = $now_us
where
    id = $id
    and closed_at is null
    and silenced_at is null
