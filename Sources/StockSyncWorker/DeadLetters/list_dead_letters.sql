-- $1 topic, $2 and $3 partition and offset after which the page begins, $4 reason or NULL, $5 resolved ones too,
-- $6 rows at most.
SELECT partition, "offset", key, payload, reason, detail, (extract(epoch FROM first_seen_at) * 1000)::bigint,
  (extract(epoch FROM replayed_at) * 1000)::bigint, (extract(epoch FROM discarded_at) * 1000)::bigint,
  resolved_by, resolution_note
FROM dead_letter
WHERE topic = $1 AND (partition, "offset") > ($2::integer, $3::bigint) AND ($4::text IS NULL OR reason = $4)
  AND ($5 OR (replayed_at IS NULL AND discarded_at IS NULL))
ORDER BY partition, "offset"
LIMIT $6
