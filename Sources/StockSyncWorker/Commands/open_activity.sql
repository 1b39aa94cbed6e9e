-- $1 id, $2 the epoch of its preheat. From here on the activity is brought back by recovery alone, never preheated
-- again. A recovery that began meanwhile did not see it: then nothing is opened. Rows: state, epoch as they are now.
WITH now_at AS MATERIALIZED (
  SELECT epoch FROM deployment FOR SHARE
),
opened AS (
  UPDATE activity SET state = 'open'
  WHERE id = $1 AND state = 'preparing' AND (SELECT epoch FROM now_at) = $2
  RETURNING state
)
SELECT coalesce((SELECT state FROM opened), (SELECT state FROM activity WHERE id = $1)), epoch FROM now_at
