-- $1 activities, $2 changes of their held slots. The last statement of a batch: these rows are hot, and are locked
-- in order of the ids. activity_surplus is violated only if the tables contradict each other.
WITH hot AS MATERIALIZED (
  SELECT a.id, c.change
  FROM unnest($1::bigint[], $2::bigint[]) AS c(id, change) JOIN activity a ON a.id = c.id
  ORDER BY a.id
  FOR NO KEY UPDATE OF a
)
UPDATE activity a SET stock_surplus = a.stock_surplus - hot.change
FROM hot
WHERE a.id = hot.id
