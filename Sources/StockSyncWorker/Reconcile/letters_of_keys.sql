-- $1 topic, $2 keys: lock keys of slots.
SELECT partition, "offset", key, payload, reason, detail, (extract(epoch FROM first_seen_at) * 1000)::bigint,
  (extract(epoch FROM replayed_at) * 1000)::bigint, (extract(epoch FROM discarded_at) * 1000)::bigint,
  resolved_by, resolution_note
FROM dead_letter
WHERE topic = $1 AND key = ANY ($2)
ORDER BY partition, "offset"
