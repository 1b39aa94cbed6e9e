-- Begins to give back a slot whose claim was rejected, for its request holds another slot: marks the lock releasing
-- and writes the release event, as release.lua does; relay and acknowledgement do the rest.
--
-- ARGV   1 activity   2 epoch   3 slot   4 its lock as it was seen   5 the slot that the request keeps
-- Reply  done; or changed: the lock is another by now; or not_kept: Redis does not hold the other slot for the
--        request, or the user's record answers with this one; or uncounted

local slot, lock, kept = ARGV[3], ARGV[4], ARGV[5]
local user, request, claimSeq, mark = lockOn(slot)
if slot == kept or lockText(slot) ~= lock or mark ~= '' or isWaiting(claimSeq) then return {'changed', ''} end
local record = call('HGET', usersKey, user)
local keptSeq, isKeptReleasing = lockOf(kept, user, request)
if not keptSeq or isKeptReleasing or find(user, record, request) ~= kept then return {'not_kept', ''} end
if not isCounted then return {'uncounted', ''} end

local clock = call('TIME')
local releaseSeq = format('%d', seq + 1)
call('XADD', outboxKey, releaseSeq .. '-0', 'f', releaseSeq, 'k', 'r', 'e', epoch,
  't', format('%d', clock[1] * 1000 + math.floor(clock[2] / 1000)), 'd', slot .. ' ' .. user .. ' ' .. request)
call('HSET', locksKey, slot, user .. ' ' .. request .. ' ' .. releaseSeq .. ' ' .. epoch .. ' r')
call('HSET', usersKey, user, spelledOut(record, slot, request, claimSeq))
call('HSET', stockKey, 'seq', releaseSeq, 'outbox', outboxCount + 1)
return {'done', ''}
