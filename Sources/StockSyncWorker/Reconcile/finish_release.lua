-- Frees a slot whose release Kafka has acknowledged and Postgres has applied, and whose outbox entry is gone.
--
-- ARGV   1 activity   2 epoch   3 slot   4 the lock as it was seen
-- Reply  done; or changed: the lock is another by now; or uncounted: the counts are not what there is

local slot, lock = ARGV[3], ARGV[4]
local user, request, releaseSeq, mark = lockOn(slot)
if lockText(slot) ~= lock or mark ~= ' r' or isWaiting(releaseSeq) then return {'changed', ''} end
if not isCounted then return {'uncounted', ''} end

local record = released(call('HGET', usersKey, user) or '', slot, request, releaseSeq)
-- The deletion is first: Redis never refuses it, and refuses nothing of a script that has begun to write.
call('HDEL', locksKey, slot)
if record ~= '' then call('HSET', usersKey, user, record) end
call('RPUSH', freeKey, slot)
call('HSET', stockKey, 'locks', lockCount - 1)
return {'done', ''}
