-- $1 retention in hours. All activities, and whether their retention is over.
SELECT id, closes_at <= now() - make_interval(hours => $1) FROM activity ORDER BY id
