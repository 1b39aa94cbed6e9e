-- $1 topic, $2 partition, $3 offset, $4 true: replayed, false: discarded, $5 who, $6 note or NULL. The row is held and
-- unresolved.
UPDATE dead_letter SET
  replayed_at = CASE WHEN $4 THEN now() END, discarded_at = CASE WHEN NOT $4 THEN now() END,
  resolved_by = $5, resolution_note = $6
WHERE topic = $1 AND partition = $2 AND "offset" = $3
