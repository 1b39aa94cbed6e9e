-- Brings the claims of one batch into the table, and tells what that changed.
--
-- $1…$9  the batch's events: activity, slot, seq, released, usr, request, epoch, time (ms), void. No event twice,
--        no two requests with the same slot and seq, no request with two slots or claimed after its release:
--        the planner drops the first and splits batches with the others.
--
-- Rows: ('delta', activity, change of held slots, '') and ('reject', event's place from 1, 0, reason).
-- The caller holds its partitions' offset rows, so nobody else touches these slots. Inserts go in key order, so
-- that two workers cannot deadlock on the unique keys; a request that gets a slot in another partition meanwhile
-- raises 23505, and is a visible reject when the batch is tried again.
WITH ev AS MATERIALIZED (
  SELECT * FROM unnest(
    $1::bigint[], $2::integer[], $3::bigint[], $4::boolean[], $5::text[], $6::text[], $7::bigint[],
    $8::bigint[], $9::boolean[]
  ) WITH ORDINALITY AS e(activity, slot, seq, released, usr, request, epoch, time_ms, void, place)
),
held AS MATERIALIZED (
  SELECT ev.place, c.seq, c.state, c.usr, c.request
  FROM ev JOIN claim c ON c.activity = ev.activity AND c.slot = ev.slot
),
elsewhere AS MATERIALIZED (
  SELECT ev.place
  FROM ev JOIN claim c ON c.activity = ev.activity AND c.usr = ev.usr AND c.request = ev.request
  WHERE c.slot <> ev.slot
),
gone AS MATERIALIZED (
  SELECT ev.place, r.slot, r.seq
  FROM ev JOIN released_request r
    ON r.activity = ev.activity AND r.usr = ev.usr AND r.request = ev.request
),
judged AS MATERIALIZED (
  SELECT ev.*, held.state AS old_state,
    CASE
      -- The same event once more, or one that a remembered release covers, is a mere duplicate.
      WHEN held.seq = ev.seq AND held.usr = ev.usr AND held.request = ev.request
        AND (held.state = 'released') = ev.released THEN ''
      WHEN gone.slot = ev.slot AND gone.seq >= ev.seq THEN ''
      WHEN ev.void THEN 'void_epoch'
      WHEN held.seq = ev.seq THEN 'slot_seq_conflict'
      WHEN elsewhere.place IS NOT NULL THEN 'request_has_other_slot'
      WHEN gone.place IS NOT NULL THEN 'request_was_released'
      ELSE ''
    END AS reason
  FROM ev
  LEFT JOIN held ON held.place = ev.place
  LEFT JOIN elsewhere ON elsewhere.place = ev.place
  LEFT JOIN gone ON gone.place = ev.place
),
top AS MATERIALIZED (
  SELECT DISTINCT ON (activity, slot) *
  FROM judged WHERE reason = ''
  ORDER BY activity, slot, seq DESC
),
up AS (
  INSERT INTO claim AS c (activity, slot, seq, state, usr, request, epoch, event_at)
  SELECT activity, slot, seq, CASE WHEN released THEN 'released' ELSE 'claimed' END, usr, request,
    epoch, to_timestamp(time_ms / 1000::double precision)
  FROM top
  ORDER BY activity, slot
  ON CONFLICT ON CONSTRAINT claim_key DO UPDATE SET
    seq = excluded.seq, state = excluded.state, usr = excluded.usr, request = excluded.request,
    epoch = excluded.epoch, event_at = excluded.event_at, applied_at = now()
  WHERE c.seq < excluded.seq
  RETURNING c.activity, c.slot, c.state
)
SELECT 'delta', up.activity,
  sum((up.state = 'claimed')::integer - coalesce((top.old_state = 'claimed')::integer, 0)), ''
FROM up JOIN top ON top.activity = up.activity AND top.slot = up.slot
GROUP BY up.activity
UNION ALL
SELECT 'reject', place, 0, reason FROM judged WHERE reason <> ''
