-- Which links have had their time?
delete from invitations
where expires_at <= $now_us
