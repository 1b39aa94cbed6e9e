-- $1 activity: slots held, requests released.
SELECT
  (SELECT count(*) FROM claim WHERE activity = $1 AND state = 'claimed'),
  (SELECT count(*) FROM released_request WHERE activity = $1)
