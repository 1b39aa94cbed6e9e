-- Lets draws of a preheated activity begin, once Postgres has committed it as open. Idempotent.
--
-- KEYS   as preheat.lua
-- ARGV   1 activity   2 epoch
-- Reply  two texts
--        opened        -        it was preparing
--        already       state    it was not: nothing is changed
--        absent        -        it is not in this server
--        fence_absent  -        nothing is known of this server
--        fence_epoch   epoch    the server, or the activity, is of that other epoch

local fenceKey, activitiesKey, stockKey = unpack(KEYS)
local activity, epoch = ARGV[1], ARGV[2]

local serverEpoch = redis.call('HGET', fenceKey, 'epoch')
if not serverEpoch then return {'fence_absent', ''} end
if serverEpoch ~= epoch then return {'fence_epoch', serverEpoch} end
local state, activityEpoch = unpack(redis.call('HMGET', stockKey, 'state', 'epoch'))
if not state or redis.call('SISMEMBER', activitiesKey, activity) == 0 then return {'absent', ''} end
if activityEpoch ~= epoch then return {'fence_epoch', activityEpoch or ''} end
if state ~= 'preparing' then return {'already', state} end

redis.call('HSET', stockKey, 'state', 'open')
return {'opened', ''}
