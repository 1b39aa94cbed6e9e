-- $1 activity, $2 slots.
SELECT slot, seq, state = 'claimed', usr, request, epoch, (extract(epoch FROM event_at) * 1000)::bigint
FROM claim
WHERE activity = $1 AND slot = ANY ($2)
