-- After server.lua, before records.lua and each script of the reconciliation: nothing is read or written but under a
-- valid fence.
--
-- ARGV   1 activity   2 epoch: Postgres'
-- Reply  texts; {'untrusted', reason} where the fence, the epoch or the activity is not as it has to be

local activity, epoch = ARGV[1], ARGV[2]
local activityEpoch, activityFence, seq, lockCount, outboxCount =
  unpack(call('HMGET', stockKey, 'epoch', 'fence', 'seq', 'locks', 'outbox'))
if serverEpoch ~= epoch or activityEpoch ~= epoch then return {'untrusted', 'epoch'} end
if serverFence ~= identity or activityFence ~= identity then return {'untrusted', 'fence'} end
if call('SISMEMBER', activitiesKey, activity) == 0 then return {'untrusted', 'absent'} end
seq, lockCount, outboxCount = tonumber(seq), tonumber(lockCount), tonumber(outboxCount)

local locked, waiting = call('HLEN', locksKey), call('XLEN', outboxKey)
-- What a script that writes asks for beside it.
local isCounted = seq and locked == lockCount and waiting == outboxCount
