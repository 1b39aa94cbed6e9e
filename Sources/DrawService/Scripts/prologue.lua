-- What the scripts about one activity begin with: this file and records.lua stand before each of them, in one chunk.
--
-- KEYS                    what they hold
-- 1 stock:fence           epoch; fence: "run_id:master_replid", the identity of the server that the epoch was opened on
-- 2 stock:activities      the activities that this server holds
-- 3 stock:{A}             total; used: the number after which the search goes on (worth time, never stock); seq of the
--                         last event; opens, closes (ms; open while opens <= now < closes); limit of claims held per
--                         user; state: preparing, open, paused, closed; epoch and fence, as in 1; locks, outbox: counts
--                         of 4 and 7
-- 4 stock:{A}:locks       slot -> "user request seq epoch", with " r" behind while it is being released; seq and epoch
--                         are those of the event that made it so
-- 5 stock:{A}:users       user -> each claim ever made, by commas: "slot" while it is held, for its lock has the rest;
--                         "request:slot:seq" from when its release begins, with ":r" behind once it is released
-- 6 stock:{A}:free        slots given back: hints, checked against the locks
-- 7 stock:{A}:outbox      events that Kafka has not acknowledged, an entry for each call that made some: id
--                         "<last seq>-0", fields in this order: f first seq, k c(laims) or r(eleases), e epoch, t ms,
--                         d "slot user request" of each event in seq order, a line each
--
-- Replies are flat and begin [status, now in ms, epoch, first seq, last seq, entries in the outbox]; both seqs are 0
-- where nothing was written. Status 0: done, items follow. Else nothing was done and nothing follows: 1 fenced (what
-- this server knows is not to be trusted; the reason stands in the place of the first seq), 2 late (now is past
-- not-after), 3 no such activity. Reasons: 1 nothing is known here: no fence, or not all of an activity; 2 this is
-- another server than the one that the fence names; 3 the epoch is below the highest seen; 4 the number of locks is not
-- the stored one; 5 nor that of entries in the outbox.
--
-- A script that fails does not take its writes back: everything is read and checked before the first write, and the
-- first write is one that Redis may refuse (out of memory, an id that is not above the last) or that it never refuses.

local call, format = redis.call, string.format
local fenceKey, activitiesKey, stockKey, locksKey, usersKey, freeKey, outboxKey = unpack(KEYS)

local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local serverEpoch, serverFence = unpack(call('HMGET', fenceKey, 'epoch', 'fence'))
local isHere = call('SISMEMBER', activitiesKey, ARGV[1]) == 1
local epoch, fence, state, total, used, seq, opens, closes, limit, lockCount, outboxCount =
  unpack(call('HMGET', stockKey,
    'epoch', 'fence', 'state', 'total', 'used', 'seq', 'opens', 'closes', 'limit', 'locks', 'outbox'))
total, seq, opens, closes, limit = tonumber(total), tonumber(seq), tonumber(opens), tonumber(closes), tonumber(limit)
lockCount, outboxCount = tonumber(lockCount), tonumber(outboxCount)
local isWhole = epoch and fence and state and total and seq and opens and closes and limit and lockCount and outboxCount
local locked, waiting = call('HLEN', locksKey), call('XLEN', outboxKey)

-- Who this server is: run_id changes with each start, master_replid with each promotion. Read here, for what a
-- connection once read may be stale after a demotion and a promotion.
local function identity()
  local info = call('INFO', 'server', 'replication')
  -- Plain searches: patterns over a text of this size take as long as all the rest of a small call.
  local function field(name)
    local _, last = string.find(info, name, 1, true)
    return string.sub(info, last + 1, string.find(info, '\r', last, true) - 1)
  end
  return field('\nrun_id:') .. ':' .. field('\nmaster_replid:')
end

-- The reply that refuses the whole call, or nil.
local function refusal(notAfter, epochSeen)
  -- A missing activity is judged by the server's own fence and epoch: under no fence, or an old one, that it is missing
  -- tells nothing.
  local known, opened = serverEpoch, serverFence
  if isHere then known, opened = isWhole and epoch, fence end
  local status, reason = 0, 0
  if not (serverEpoch and serverFence and known) then status, reason, known = 1, 1, 0
  elseif opened ~= identity() then status, reason = 1, 2
  elseif tonumber(known) < epochSeen then status, reason = 1, 3
  elseif isHere and locked ~= lockCount then status, reason = 1, 4
  elseif isHere and waiting ~= outboxCount then status, reason = 1, 5
  elseif now > notAfter then status = 2
  elseif not isHere then status = 3
  end
  if status ~= 0 then return {status, now, tonumber(known), reason, 0, waiting} end
end

-- How many items ARGV holds from `first` on, each of `width` arguments. Bounded, for unpack is (7,990 values).
local function countItems(first, width)
  local count = (#ARGV - first + 1) / width
  if count ~= math.floor(count) or count > 1000 then error('items of ' .. width .. ', at most 1000') end
  return count
end

-- The users of the items, and what each has claimed: user -> record or false.
local function readRecords(first, width)
  local users, records = {}, {}
  for i = first, #ARGV, width do users[#users + 1] = ARGV[i] end
  if #users > 0 then
    local found = call('HMGET', usersKey, unpack(users))
    for i, user in ipairs(users) do records[user] = found[i] end
  end
  return records
end

-- Writes the events of this call, `lines` in seq order: the first write of all.
local function append(kind, lines)
  local first, last = format('%d', seq + 1), format('%d', seq + #lines)
  call('XADD', outboxKey, last .. '-0',
    'f', first, 'k', kind, 'e', epoch, 't', format('%d', now), 'd', table.concat(lines, '\n'))
end
