-- Brings the claims of one batch into the table, and tells what that changed.
--
-- $1…$9  the batch's events: activity, slot, seq, released, usr, request, epoch, time (ms), void. No event twice,
--        unless once as void, no two requests with the same slot and seq, no request with two slots or claimed after
--        its release: the planner drops the first and splits batches with the others.
--
-- Rows: ('delta', activity, change of held slots, ''), ('reject', event's place from 1, 0, reason), and ('race', 0,
-- rows, '') if rows changed between the reading and the writing: then nothing may be committed; a slot that was taken
-- between the two raises 23505 instead. The reason given_back is no dead letter: the request holds another slot, its
-- claim of this one was rejected for it and counted nowhere, and here Redis gives it back. Nothing is written, or the
-- slot that it does hold would be taken for released.
-- The caller holds its partitions' offset rows, and a slot keeps to one partition, so nobody else touches these
-- slots. Inserts go in key order, so that two workers cannot deadlock on the unique keys; a request that gets a slot
-- in another partition meanwhile raises 23505, and is a visible reject when the batch is tried again.
--
-- Every join is one of an event to a unique key, so that the plan made without knowing the batch is a good one; a
-- join of two of the lists below would be quadratic in it. What is known not to be there is inserted plainly: ON
-- CONFLICT would look for each row once more and log a record of its own for it.
WITH ev AS (
  SELECT * FROM unnest(
    $1::bigint[], $2::integer[], $3::bigint[], $4::boolean[], $5::text[], $6::text[], $7::bigint[],
    $8::bigint[], $9::boolean[]
  ) WITH ORDINALITY AS e(activity, slot, seq, released, usr, request, epoch, time_ms, void, place)
),
judged AS MATERIALIZED (
  SELECT ev.*, held.seq AS old_seq, held.state AS old_state,
    CASE
      -- The same event once more, or one that a remembered release covers, is a mere duplicate.
      WHEN held.seq = ev.seq AND held.usr = ev.usr AND held.request = ev.request
        AND (held.state = 'released') = ev.released THEN ''
      WHEN gone.slot = ev.slot AND gone.seq >= ev.seq THEN ''
      WHEN ev.void THEN 'void_epoch'
      WHEN held.seq = ev.seq THEN 'slot_seq_conflict'
      WHEN own.slot <> ev.slot AND ev.released THEN 'given_back'
      WHEN own.slot <> ev.slot THEN 'request_has_other_slot'
      WHEN gone.slot IS NOT NULL THEN 'request_was_released'
      ELSE ''
    END AS reason
  FROM ev
  LEFT JOIN claim held ON held.activity = ev.activity AND held.slot = ev.slot
  LEFT JOIN claim own
    ON own.activity = ev.activity AND own.usr = ev.usr AND own.request = ev.request
  LEFT JOIN released_request gone
    ON gone.activity = ev.activity AND gone.usr = ev.usr AND gone.request = ev.request
),
top AS (
  SELECT DISTINCT ON (activity, slot) *
  FROM judged WHERE reason = ''
  ORDER BY activity, slot, seq DESC
),
news AS MATERIALIZED (
  SELECT * FROM top WHERE old_seq IS NULL OR old_seq < seq
),
ins AS (
  INSERT INTO claim (activity, slot, seq, state, usr, request, epoch, event_at)
  SELECT activity, slot, seq, CASE WHEN released THEN 'released' ELSE 'claimed' END, usr, request,
    epoch, to_timestamp(time_ms / 1000::double precision)
  FROM news WHERE old_seq IS NULL
  ORDER BY activity, slot
  RETURNING 1
),
upd AS (
  UPDATE claim c SET
    seq = n.seq, state = CASE WHEN n.released THEN 'released' ELSE 'claimed' END, usr = n.usr,
    request = n.request, epoch = n.epoch,
    event_at = to_timestamp(n.time_ms / 1000::double precision), applied_at = now()
  FROM (SELECT * FROM news WHERE old_seq IS NOT NULL ORDER BY activity, slot) n
  WHERE c.activity = n.activity AND c.slot = n.slot AND c.seq = n.old_seq
  RETURNING 1
)
SELECT 'delta', activity,
  sum((NOT released)::integer - coalesce((old_state = 'claimed')::integer, 0)), ''
FROM news
GROUP BY activity
UNION ALL
SELECT 'reject', place, 0, reason FROM judged WHERE reason <> ''
UNION ALL
SELECT 'race', 0, written.rows, ''
FROM (SELECT (SELECT count(*) FROM ins) + (SELECT count(*) FROM upd) AS rows) written
WHERE written.rows <> (SELECT count(*) FROM news)
