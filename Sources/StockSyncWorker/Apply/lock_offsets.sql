-- $1 topic, $2 partitions. Holds the rows until the end of the transaction, in order of the partitions.
SELECT partition, next, barrier_epoch
FROM consumer_offset
WHERE topic = $1 AND partition = ANY ($2)
ORDER BY partition
FOR NO KEY UPDATE
