-- Tells how slots stand, all as of one moment. Writes nothing.
--
-- ARGV   1 activity   2 epoch   then for each slot: slot, and the user whose record is wanted ('': the holder's)
-- Reply  'ok', the activity's seq, then for each slot: its lock ('' if it is free), whether the lock's event is in the
--        outbox (1 or 0), the record ('' if there is none)

if #ARGV > 1002 then error('at most 500 slots') end
local reply = {'ok', format('%d', seq or 0)}
for i = 3, #ARGV, 2 do
  local holder, _, lockSeq = lockOn(ARGV[i])
  local user = ARGV[i + 1] ~= '' and ARGV[i + 1] or holder
  local n = #reply
  reply[n + 1] = lockText(ARGV[i]) or ''
  reply[n + 2] = lockSeq and isWaiting(lockSeq) and '1' or '0'
  reply[n + 3] = user and call('HGET', usersKey, user) or ''
end
return reply
