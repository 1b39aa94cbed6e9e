-- $1 topic, $2 partitions, $3 next offsets, $4 highest barriers of the batch (0: none). The rows are locked and were
-- compared. A barrier epoch only grows: an old recovery's barrier may come late.
UPDATE consumer_offset o SET next = n.next, barrier_epoch = greatest(o.barrier_epoch, n.barrier)
FROM unnest($2::integer[], $3::bigint[], $4::bigint[]) AS n(partition, next, barrier)
WHERE o.topic = $1 AND o.partition = n.partition
