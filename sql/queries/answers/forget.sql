-- Which answers have had their time?
delete from idempotent_answers
where created_at < $kept_since_us
