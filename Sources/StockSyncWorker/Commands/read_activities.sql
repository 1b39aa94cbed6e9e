-- $1 the activity's id, or NULL for all.
SELECT id, name, stock_total, stock_surplus, per_user_limit,
  (extract(epoch FROM opens_at) * 1000)::bigint, (extract(epoch FROM closes_at) * 1000)::bigint, state
FROM activity
WHERE $1::bigint IS NULL OR id = $1
ORDER BY id
