-- Kafka has acknowledged all events of these outbox entries: frees the slots and users of releases and deletes the
-- entries, in one, so that nothing stays half released. Idempotent; an entry that is gone is passed over, and so is one
-- of another epoch: a recovery may give a seq again that a lost claim had.
--
-- ARGV   1 activity   2 highest epoch seen   then for each outbox entry: its last seq, its epoch
-- Reply  the header, then the number of entries deleted

local refused = refusal(math.huge, tonumber(ARGV[2]))
if refused then return refused end
countItems(3, 2)

-- What this call writes. Each slot is freed once: `records` are user -> record as it will be.
local ids, slots, users, records = {}, {}, {}, {}

local function recordOf(user)
  if not records[user] then
    users[#users + 1] = user
    records[user] = call('HGET', usersKey, user) or ''
  end
  return records[user]
end

-- Frees what the release `eventSeq` holds, if the lock is still that very one.
local function free(line, eventSeq, eventEpoch)
  local slot, holder, user, request = string.match(line, '^(%d+) ((%S+) (%S+))$')
  if lockText(slot) ~= holder .. ' ' .. eventSeq .. ' ' .. eventEpoch .. ' r' then return end
  slots[#slots + 1] = slot
  lockTexts[slot] = false
  records[user] = released(recordOf(user), slot, request, eventSeq)
end

local seen = {}
for i = 3, #ARGV, 2 do
  local id = ARGV[i] .. '-0'
  local entry = not seen[id] and call('XRANGE', outboxKey, id, id)[1]
  if entry and entry[2][6] == ARGV[i + 1] then
    seen[id] = true
    ids[#ids + 1] = id
    local fields = entry[2]
    local eventSeq, kind, eventEpoch, lines = tonumber(fields[2]), fields[4], fields[6], fields[10]
    if kind == 'r' then
      for line in string.gmatch(lines, '[^\n]+') do
        free(line, format('%d', eventSeq), eventEpoch)
        eventSeq = eventSeq + 1
      end
    end
  end
end

-- The deletion is first: Redis never refuses it, and refuses nothing of a script that has begun to write. So a full
-- memory can still be drained.
if #ids > 0 then
  call('XDEL', outboxKey, unpack(ids))
  for _, user in ipairs(users) do call('HSET', usersKey, user, records[user]) end
  for _, slot in ipairs(slots) do
    call('HDEL', locksKey, slot)
    call('RPUSH', freeKey, slot)
  end
  call('HSET', stockKey, 'locks', lockCount - #slots, 'outbox', outboxCount - #ids)
end
return {0, now, tonumber(epoch), 0, 0, waiting - #ids, #ids}
