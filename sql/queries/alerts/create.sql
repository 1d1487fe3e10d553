-- Which alert has just been opened?
insert into alerts (
    id, fingerprint, edition, kind, severity, subject, node, level, told, opened_at, seen_at, sent_at
)
values (
    $id, $fingerprint, $edition, $kind, $severity, $subject, $node, $level, $told, $now_us, $now_us, $sent_at
)
