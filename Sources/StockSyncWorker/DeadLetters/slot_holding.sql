-- $1 activity, $2 slot, $3 usr, $4 request: the slot's row, if there is one, and the seq with which that request was
-- released, if it was.
SELECT c.seq, c.state, c.usr, c.request, c.epoch,
  (SELECT seq FROM released_request WHERE activity = $1 AND usr = $3 AND request = $4)
FROM (VALUES (1)) AS one LEFT JOIN claim c ON c.activity = $1 AND c.slot = $2
