-- $1 topic, $2 epoch. The partitions whose barrier of that epoch, or a higher one, was applied.
SELECT partition FROM consumer_offset WHERE topic = $1 AND barrier_epoch >= $2 ORDER BY partition
