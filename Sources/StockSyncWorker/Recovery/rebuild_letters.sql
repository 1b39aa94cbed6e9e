-- $1 topic, $2 activity as digits. Dead letters that may name the activity: whose key or payload holds its digits.
SELECT key, payload,
  replayed_at IS NULL AND discarded_at IS NULL AND reason <> 'void_epoch' AS unresolved
FROM dead_letter
WHERE topic = $1
  AND (position(convert_to($2, 'UTF8') IN coalesce(key, '')) > 0
    OR position(convert_to($2, 'UTF8') IN coalesce(payload, '')) > 0)
