-- Which segment is in the store from now on, and how many of its lines?
insert into ingested (segment, records, refused, taken_at)
values ($segment, $records, $refused, make_timestamp($now_us))
