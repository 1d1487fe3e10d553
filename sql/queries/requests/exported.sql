-- All that is known of the requests that a filter means, in the order in which they came into the store?
select
    ts as started_at,
    id,
    outcome(status, error) as outcome,
    * exclude (ts, id)
from chosen($filter)
