-- Which response of this key is not to be kept any longer?
delete from responses
where
    key = $key
    and id = $id
    and expires_at > $now
