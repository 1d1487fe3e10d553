-- Which kept answers end with the key that sealed them?
delete from idempotent_answers
