-- Enters a claim into its holder's record, from the lock: who holds a slot has claimed it.
--
-- ARGV   1 activity   2 epoch   3 slot   4 its lock as it was seen
-- Reply  done; or changed: the lock is another by now, or it is being released; or there: the record names the request

local slot, lock = ARGV[3], ARGV[4]
local user, request, _, mark = lockOn(slot)
if lockText(slot) ~= lock or mark ~= '' then return {'changed', ''} end
if not isCounted then return {'uncounted', ''} end
local record = call('HGET', usersKey, user)
if find(user, record, request) then return {'there', ''} end
call('HSET', usersKey, user, record and record .. ',' .. slot or slot)
return {'done', ''}
