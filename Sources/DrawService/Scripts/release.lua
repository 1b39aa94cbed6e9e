-- Begins to give slots back: marks the locks and writes the events. Slot and user stay blocked until Kafka has
-- acknowledged the event and acknowledge.lua has run. Idempotent, in every state of the activity.
--
-- ARGV   1 activity   2 not-after (ms)   3 highest epoch seen   4 outbox cap
--        then for each release: user, request
-- Reply  the header, then for each release: code, slot, seq; slot and seq are 0 for 5
--        1 releasing now; its event is in this call's outbox entry; seq is the release's, as in 3
--        2 released before; seq is the claim's, as in 4 and 6
--        3 releasing since an earlier call
--        4 the claim is not decided: its event is still in the outbox
--        5 no such request of this user
--        6 the outbox is at its cap

local NOW, RELEASED, RELEASING, UNDECIDED, UNKNOWN, OUTBOX_FULL = 1, 2, 3, 4, 5, 6

local refused = refusal(tonumber(ARGV[2]), tonumber(ARGV[3]))
if refused then return refused end
local outboxCap = tonumber(ARGV[4])
countItems(5, 2)
local records = readRecords(5, 2)
readLocks(records)

-- What this call writes.
local lines, locks, users = {}, {}, {}

local function release(user, request)
  local slot, claimSeq, isReleased = find(user, records[user], request)
  if not slot then return UNKNOWN, 0, 0 end
  if isReleased then return RELEASED, slot, claimSeq end
  local lockSeq, releasing = lockOf(slot, user, request)
  if not lockSeq then return UNKNOWN, 0, 0 end -- only the owner of the lock
  if releasing then return RELEASING, slot, lockSeq end
  if isWaiting(claimSeq) then return UNDECIDED, slot, claimSeq end
  if waiting >= outboxCap then return OUTBOX_FULL, slot, claimSeq end

  local releaseSeq = format('%d', seq + #lines + 1)
  lines[#lines + 1] = slot .. ' ' .. user .. ' ' .. request
  local lock = user .. ' ' .. request .. ' ' .. releaseSeq .. ' ' .. epoch .. ' r'
  lockTexts[slot] = lock
  locks[#locks + 1], locks[#locks + 2] = slot, lock
  records[user] = spelledOut(records[user], slot, request, claimSeq)
  users[#users + 1], users[#users + 2] = user, records[user]
  return NOW, slot, releaseSeq
end

local reply = {0, now, tonumber(epoch), 0, 0, waiting}
for i = 5, #ARGV, 2 do
  local code, slot, eventSeq = release(ARGV[i], ARGV[i + 1])
  local n = #reply
  reply[n + 1], reply[n + 2], reply[n + 3] = code, tonumber(slot), tonumber(eventSeq)
end

if #lines > 0 then
  append('r', lines)
  call('HSET', locksKey, unpack(locks))
  call('HSET', usersKey, unpack(users))
  call('HSET', stockKey, 'seq', format('%d', seq + #lines), 'outbox', outboxCount + 1)
  reply[4], reply[5], reply[6] = seq + 1, seq + #lines, waiting + 1
end
return reply
