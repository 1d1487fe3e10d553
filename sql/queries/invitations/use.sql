-- Which link has been used?
update invitations
set used_at = $now_us
where digest = $digest
