-- Which day is rolled up from now on, and what is kept of it?
insert into rolled (d, n, kept, rolled_at)
values ($d, $n, $kept, make_timestamp($now_us))
