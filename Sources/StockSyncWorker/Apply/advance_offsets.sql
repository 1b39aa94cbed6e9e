-- $1 topic, $2 partitions, $3 next offsets. The rows are locked and were compared.
UPDATE consumer_offset o SET next = n.next
FROM unnest($2::integer[], $3::bigint[]) AS n(partition, next)
WHERE o.topic = $1 AND o.partition = n.partition
