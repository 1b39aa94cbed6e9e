-- $1 activity. What a rebuild writes beside the rows.
SELECT stock_total, per_user_limit, (extract(epoch FROM opens_at) * 1000)::bigint,
  (extract(epoch FROM closes_at) * 1000)::bigint
FROM activity
WHERE id = $1 AND state = 'open'
