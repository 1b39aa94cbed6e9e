-- $1 activity, $2 usr, $3 request: the slot that the request holds.
SELECT slot FROM claim WHERE activity = $1 AND usr = $2 AND request = $3 AND state = 'claimed'
