-- $1 activity. A cursor over its rows, all of a user together (by bytes: the fastest order): kind 0 held, 1 given back,
-- 2 a released request.
DECLARE rebuild_rows NO SCROLL CURSOR FOR
SELECT usr COLLATE "C" AS usr, request, slot, seq, epoch, (state <> 'claimed')::integer AS kind
FROM claim
WHERE activity = $1
UNION ALL
SELECT usr COLLATE "C", request, slot, seq, epoch, 2
FROM released_request
WHERE activity = $1
ORDER BY usr
