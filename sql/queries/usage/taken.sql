-- Which of these segments are in the store already, and how many of their lines were refused?
select segment, refused
from ingested
where list_contains($segments, segment)
