-- What the worker's scripts begin with: this file stands before each of them, in one chunk.
--
-- KEYS   1 stock:fence   2 stock:activities   3 stock:{A}   4 …:locks   5 …:users   6 …:free   7 …:outbox
--        (what they hold is said in DrawService's prologue.lua)

local call, format = redis.call, string.format
local fenceKey, activitiesKey, stockKey, locksKey, usersKey, freeKey, outboxKey = unpack(KEYS)

-- Who this server is, read in the script: what a connection once read is stale after a demotion and a promotion.
local info = call('INFO', 'server', 'replication')
local identity = string.match(info, '\nrun_id:(%w+)') .. ':' .. string.match(info, '\nmaster_replid:(%w+)')
local serverEpoch, serverFence = unpack(call('HMGET', fenceKey, 'epoch', 'fence'))
