-- Tells how an activity and requests stand; writes nothing.
--
-- ARGV   1 activity   2 highest epoch seen   then for each request, if any: user, request
-- Reply  the header, state, total, locks, opens, closes (ms), limit, then for each request: code, slot, seq;
--        slot and seq are 0 for 5
--        1 claimed and decided
--        2 claimed, not decided: its event is still in the outbox
--        3 being released; seq is the release's
--        4 released
--        5 no such request of this user

local DECIDED, UNDECIDED, RELEASING, RELEASED, UNKNOWN = 1, 2, 3, 4, 5

local refused = refusal(math.huge, tonumber(ARGV[2]))
if refused then return refused end
countItems(3, 2)
local records = readRecords(3, 2)
readLocks(records)

local function look(user, request)
  local slot, claimSeq, isReleased = find(user, records[user], request)
  if not slot then return UNKNOWN, 0, 0 end
  if isReleased then return RELEASED, slot, claimSeq end
  local lockSeq, releasing = lockOf(slot, user, request)
  if releasing then return RELEASING, slot, lockSeq end
  return isWaiting(claimSeq) and UNDECIDED or DECIDED, slot, claimSeq
end

local reply = {0, now, tonumber(epoch), 0, 0, waiting, state, total, locked, opens, closes, limit}
for i = 3, #ARGV, 2 do
  local code, slot, eventSeq = look(ARGV[i], ARGV[i + 1])
  local n = #reply
  reply[n + 1], reply[n + 2], reply[n + 3] = code, tonumber(slot), tonumber(eventSeq)
end
return reply
