-- Claims slots for many users of one activity.
--
-- ARGV   1 activity   2 not-after (ms)   3 highest epoch seen   4 numbers to look at per call, at most   5 outbox cap
--        then for each claim: user, request, mode: k (keyed: only the same request repeats) or
--        a (without a key, only where the limit is 1: a claim that the user holds answers first; the request is fresh)
-- Reply  the header, then for each claim: code, slot, seq, request; slot and seq are 0 from 6 on; request is false where
--        it is the claim's own
--        1 claimed now; its event is in this call's outbox entry
--        2 claimed before, and decided
--        3 claimed before, not decided: its event is still in the outbox
--        4 claimed before, and released
--        5 claimed before, and being released; seq is the release's
--        6 sold out: all of the stock is locked
--        7 the user holds as many as the limit allows, or has claimed limit + 2 times, or their record names a slot
--          of which no lock of theirs tells
--        8 not open yet   9 closed   10 paused   11 the outbox is at its cap
--        12 again: the slide limit was reached; the search goes on there in the next call
--        13 a key is required, for the limit is above 1

local CLAIMED, DECIDED, WAITING, RELEASED, RELEASING, SOLD_OUT = 1, 2, 3, 4, 5, 6
local LIMIT_REACHED, NOT_OPEN, CLOSED, PAUSED, OUTBOX_FULL, AGAIN, KEY_REQUIRED = 7, 8, 9, 10, 11, 12, 13
local secondChances = 2

local refused = refusal(tonumber(ARGV[2]), tonumber(ARGV[3]))
if refused then return refused end
local slideLimit, outboxCap = tonumber(ARGV[4]), tonumber(ARGV[5])
local count = countItems(6, 3)
local records = readRecords(6, 3)
readLocks(records)

-- What this call writes.
local lines, locks, users = {}, {}, {}

-- The answer of a claim made before.
local function repeated(user, request, slot, claimSeq, isReleased)
  if isReleased then return RELEASED, slot, claimSeq, request end
  if tonumber(claimSeq) > seq then return WAITING, slot, claimSeq, request end -- made earlier in this call
  local lockSeq, releasing = lockOf(slot, user, request)
  if releasing then return RELEASING, slot, lockSeq, request end
  return isWaiting(claimSeq) and WAITING or DECIDED, slot, claimSeq, request
end

-- The answer of the one claim that the user holds, if any.
local function held(user)
  for request, slot, claimSeq, mark in claims(user, records[user]) do
    if mark ~= ':r' and request ~= '' then return repeated(user, request, slot, claimSeq) end
  end
end

-- Also where a claim is held of which no lock tells, for it may be any request's.
local function isLimitReached(user, record)
  local holds, ever = 0, 0
  for request, _, _, mark in claims(user, record) do
    if request == '' then return true end
    ever = ever + 1
    if mark ~= ':r' then holds = holds + 1 end
  end
  return holds >= limit or ever >= limit + secondChances
end

-- The search for a number without a lock: first what was given back, then the numbers after `used`, round and round.
-- They are read in chunks that grow while it slides. `numbers` are texts, as Redis wants them.
used = tonumber(used) or 0
if not (used >= 0 and used < total) then used = 0 end -- also for what is no number at all
used = math.floor(used)
local searchFree, hintsUsed, looked, chunk = true, 0, 0, count
local numbers, holders, position = {}, {}, 0

local function readChunk()
  local size = math.min(chunk, slideLimit - looked)
  chunk = math.min(2 * chunk, 1000)
  if searchFree then
    numbers = call('LRANGE', freeKey, hintsUsed, hintsUsed + size - 1)
    searchFree = #numbers > 0
  end
  if not searchFree then
    numbers = {}
    for i = 1, size do numbers[i] = format('%d', (used + i - 1) % total + 1) end
  end
  holders, position = call('HMGET', locksKey, unpack(numbers)), 0
end

local function isNumber(text)
  return string.find(text, '^[1-9]%d*$') and tonumber(text) <= total
end

-- The next number that nobody holds; nil when the slide limit is reached.
local function take()
  while looked < slideLimit do
    if position == #numbers then readChunk() end
    position, looked = position + 1, looked + 1
    local slot = numbers[position]
    if searchFree then hintsUsed = hintsUsed + 1 else used = slot end
    if not holders[position] and not lockTexts[slot] and (not searchFree or isNumber(slot)) then return slot end
  end
end

-- What stands in the way of every new claim of this call.
local obstacle
if state == 'preparing' then obstacle = NOT_OPEN
elseif state == 'paused' then obstacle = PAUSED
elseif state ~= 'open' or now >= closes then obstacle = CLOSED
elseif now < opens then obstacle = NOT_OPEN
end

-- The answer to one claim. The order of these lines is the contract.
local function claim(user, request, mode)
  local record = records[user]
  local slot, claimSeq, isReleased = find(user, record, request)
  if slot then return repeated(user, request, slot, claimSeq, isReleased) end
  if mode == 'a' then
    if limit > 1 then return KEY_REQUIRED, 0, 0, request end
    local code, heldSlot, heldSeq, heldRequest = held(user)
    if code then return code, heldSlot, heldSeq, heldRequest end
  end
  if obstacle then return obstacle, 0, 0, request end
  if isLimitReached(user, record) then return LIMIT_REACHED, 0, 0, request end
  if waiting >= outboxCap then return OUTBOX_FULL, 0, 0, request end
  if locked + #lines >= total then return SOLD_OUT, 0, 0, request end
  slot = take()
  if not slot then return AGAIN, 0, 0, request end

  local number = seq + #lines + 1
  claimSeq = format('%d', number)
  local lock = user .. ' ' .. request .. ' ' .. claimSeq .. ' ' .. epoch
  lockTexts[slot] = lock
  records[user] = record and record .. ',' .. slot or slot
  lines[#lines + 1] = slot .. ' ' .. user .. ' ' .. request
  locks[#locks + 1], locks[#locks + 2] = slot, lock
  users[#users + 1], users[#users + 2] = user, records[user]
  return CLAIMED, slot, number, request
end

local reply = {0, now, tonumber(epoch), 0, 0, waiting}
for i = 6, #ARGV, 3 do
  local code, slot, claimSeq, request = claim(ARGV[i], ARGV[i + 1], ARGV[i + 2])
  local n = #reply
  reply[n + 1], reply[n + 2], reply[n + 3] = code, tonumber(slot), tonumber(claimSeq)
  reply[n + 4] = request ~= ARGV[i + 1] and request
end

if #lines > 0 then
  append('c', lines)
  call('HSET', locksKey, unpack(locks))
  call('HSET', usersKey, unpack(users))
  call('HSET', stockKey, 'used', used, 'seq', format('%d', seq + #lines),
    'locks', lockCount + #lines, 'outbox', outboxCount + 1)
  reply[4], reply[5], reply[6] = seq + 1, seq + #lines, waiting + 1
elseif looked > 0 then
  call('HSET', stockKey, 'used', used)
end
if hintsUsed > 0 then call('LTRIM', freeKey, hintsUsed, -1) end
return reply
