-- How the scripts of both services read locks, users' records and the outbox: this file stands behind what declares
-- call, locksKey, outboxKey and waiting (the outbox' entries).

-- The locks that were read or are to be written: slot -> text, or false where it is free. A script enters here what it
-- will write, so that the rest of the call goes by it.
local lockTexts = {}

-- Reads the locks of all that the users of these records hold, many with one command.
local function readLocks(records)
  local slots = {}
  for _, record in pairs(records) do
    for slot in string.gmatch(record or '', '%f[^%z,]%d+%f[%z,]') do slots[#slots + 1] = slot end
  end
  for first = 1, #slots, 1000 do
    local last = math.min(first + 999, #slots)
    for place, text in ipairs(call('HMGET', locksKey, unpack(slots, first, last))) do
      lockTexts[slots[first + place - 1]] = text
    end
  end
end

local function lockText(slot)
  local text = lockTexts[slot]
  if text == nil then
    text = call('HGET', locksKey, slot)
    lockTexts[slot] = text
  end
  return text
end

-- The parts of a slot's lock: user, request, seq, and '' or ' r'; nil where it is free.
local function lockOn(slot)
  return string.match(lockText(slot) or '', '^(%S+) (%S+) (%d+) %d+( ?r?)$')
end

-- Goes through the claims in a user's record: request, slot, seq, and '' or ':r'. One that is held is told by its slot's
-- lock; where that is not the user's, it is '', which is nobody's request.
local function nothing() end
local function claims(user, record)
  if not record then return nothing end
  local nextClaim = string.gmatch(record, '[^,]+')
  return function()
    local text = nextClaim()
    if not text then return end
    local request, slot, claimSeq, mark = string.match(text, '^([^:]+):(%d+):(%d+)(:?r?)$')
    if request then return request, slot, claimSeq, mark end
    local holder, held, lockSeq = lockOn(text)
    if holder == user then return held, text, lockSeq, '' end
    return '', text, '0', ''
  end
end

-- Where `request` stands in its user's record: slot, seq, whether it is released; nil where it does not.
local function find(user, record, request)
  for name, slot, claimSeq, mark in claims(user, record) do
    if name == request then return slot, claimSeq, mark == ':r' end
  end
end

-- The lock on a slot if it is this request's: the seq that made it so, and whether it is being released.
local function lockOf(slot, user, request)
  local holder, held, lockSeq, mark = lockOn(slot)
  if holder == user and held == request then return lockSeq, mark == ' r' end
end

-- A user's record with the claim of `slot` spelled out, as it must be when the lock goes over to a release.
local function spelledOut(record, slot, request, claimSeq)
  local text = request .. ':' .. slot .. ':' .. claimSeq
  return (string.gsub(record, '[^,]+', function(claim) return claim == slot and text or nil end))
end

-- A user's record once the release of `slot` by `request` is through. Where nobody has spelled out the claim, its seq is
-- forgotten, and the release's stands for it.
local function released(record, slot, request, releaseSeq)
  local start = request .. ':' .. slot .. ':'
  return (string.gsub(record, '[^,]+', function(claim)
    if claim == slot then return start .. releaseSeq .. ':r' end
    if string.sub(claim, 1, #start) == start and string.sub(claim, -2) ~= ':r' then return claim .. ':r' end
  end))
end

-- Whether the outbox still holds the event `eventSeq`: Kafka has not acknowledged it.
local function isWaiting(eventSeq)
  if waiting == 0 then return false end
  local entry = call('XRANGE', outboxKey, eventSeq .. '-0', '+', 'COUNT', 1)[1]
  return entry ~= nil and tonumber(entry[2][2]) <= tonumber(eventSeq)
end
