-- What this server holds of one activity, as of one moment. Writes nothing.
--
-- ARGV   1 activity; '' tells of the server alone, and KEYS ends with the second
-- Reply  texts: the server's identity, epoch and fence of stock:fence ('' where missing); then, of the activity:
--        whether it is there at all, and whether it is whole (1 or 0); state, epoch, fence; locks stored, locks counted,
--        outbox stored, outbox counted

local reply = {identity, serverEpoch or '', serverFence or ''}
local activity = ARGV[1]
if activity == '' then return reply end

local fields = call('HMGET', stockKey,
  'state', 'epoch', 'fence', 'locks', 'outbox', 'total', 'used', 'seq', 'opens', 'closes', 'limit')
local isListed = call('SISMEMBER', activitiesKey, activity) == 1
local isThere, isWhole = isListed or call('EXISTS', stockKey) == 1, isListed
for i = 1, 11 do isWhole = isWhole and fields[i] end
local state, epoch, fence, locks, outbox = unpack(fields)
for _, value in ipairs({isThere and 1 or 0, isWhole and 1 or 0, state or '', epoch or '', fence or '',
    locks or '', call('HLEN', locksKey), outbox or '', call('XLEN', outboxKey)}) do
  reply[#reply + 1] = tostring(value)
end
return reply
