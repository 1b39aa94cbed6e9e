-- $1 how many. The newest activities that are not long over.
SELECT id, stock_total, stock_surplus
FROM activity
WHERE closes_at > now() - interval '1 hour'
ORDER BY created_at DESC, id
LIMIT $1
