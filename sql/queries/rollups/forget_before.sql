-- Which of what was spent before has been added up anew?
delete from spent_before
where summed_at != make_timestamp($now_us)
