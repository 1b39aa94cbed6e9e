-- $1…$7 activity, usr, request, slot, seq, epoch, time (ms) of the releases that were not rejected.
INSERT INTO released_request (activity, usr, request, slot, seq, epoch, event_at)
SELECT activity, usr, request, slot, seq, epoch, to_timestamp(time_ms / 1000::double precision)
FROM unnest(
  $1::bigint[], $2::text[], $3::text[], $4::integer[], $5::bigint[], $6::bigint[], $7::bigint[]
) AS r(activity, usr, request, slot, seq, epoch, time_ms)
ORDER BY activity, usr, request
ON CONFLICT DO NOTHING
