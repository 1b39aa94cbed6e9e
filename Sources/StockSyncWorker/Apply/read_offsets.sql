-- $1 topic, $2 partitions. A partition that was never read begins at 0.
WITH made AS (
  INSERT INTO consumer_offset (topic, partition)
  SELECT $1, p FROM unnest($2::integer[]) AS p ORDER BY p
  ON CONFLICT DO NOTHING
  RETURNING partition, next
)
SELECT partition, next FROM consumer_offset WHERE topic = $1 AND partition = ANY ($2)
UNION ALL
SELECT partition, next FROM made
