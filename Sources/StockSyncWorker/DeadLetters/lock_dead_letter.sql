-- $1 topic, $2 partition, $3 offset. Holds the row until the end of the transaction.
SELECT partition, "offset", key, payload, reason, detail, (extract(epoch FROM first_seen_at) * 1000)::bigint,
  (extract(epoch FROM replayed_at) * 1000)::bigint, (extract(epoch FROM discarded_at) * 1000)::bigint,
  resolved_by, resolution_note
FROM dead_letter
WHERE topic = $1 AND partition = $2 AND "offset" = $3
FOR NO KEY UPDATE
