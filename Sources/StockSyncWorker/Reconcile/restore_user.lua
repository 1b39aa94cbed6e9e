-- Enters a claim into its holder's record, from the lock: who holds a slot has claimed it.
--
-- ARGV   1 activity   2 epoch   3 slot   4 its lock as it was seen
-- Reply  done; or changed: the lock is another by now, or it is being released; or there: the record names the request

local slot, lock = ARGV[3], ARGV[4]
local user, request, claimSeq = string.match(lock, '^(%S+) (%S+) (%d+) %d+$')
if not user or call('HGET', locksKey, slot) ~= lock then return {'changed', ''} end
if not isCounted then return {'uncounted', ''} end
local record = call('HGET', usersKey, user)
for name in string.gmatch(record or '', '([^:,]+):%d+:%d+:?r?') do
  if name == request then return {'there', ''} end
end
local entry = request .. ':' .. slot .. ':' .. claimSeq
call('HSET', usersKey, user, record and record .. ',' .. entry or entry)
return {'done', ''}
