-- How often has each class of things changed?
select
    name,
    value
from generations
order by name
