-- Which segments were taken so long ago that their files cannot come back?
delete from ingested
where taken_at < make_timestamp($before_us)
