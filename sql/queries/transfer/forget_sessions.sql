-- Which sessions end with the secret that their digests were made under?
delete from sessions
