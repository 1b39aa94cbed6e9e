-- $1 activity, $2 usr, $3 request: the slot of the request's row, and whether it is held.
SELECT slot, state = 'claimed' FROM claim WHERE activity = $1 AND usr = $2 AND request = $3
