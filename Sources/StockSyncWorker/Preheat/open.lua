-- Lets draws of a preheated activity begin, once Postgres has committed it as open. Idempotent.
--
-- ARGV   1 activity   2 epoch
-- Reply  two texts
--        opened        -         it was preparing
--        already       state     it was not: nothing is changed
--        absent        -         it is not in this server
--        fence_absent  -         nothing is known of this server
--        fence_server  identity  the server, or the activity, was opened on that other one
--        fence_epoch   epoch     the server, or the activity, is of that other epoch

local activity, epoch = ARGV[1], ARGV[2]

if not serverEpoch then return {'fence_absent', ''} end
if serverFence ~= identity then return {'fence_server', serverFence or ''} end
if serverEpoch ~= epoch then return {'fence_epoch', serverEpoch} end
local state, activityEpoch, fence = unpack(call('HMGET', stockKey, 'state', 'epoch', 'fence'))
if not state or call('SISMEMBER', activitiesKey, activity) == 0 then return {'absent', ''} end
if fence ~= identity then return {'fence_server', fence or ''} end
if activityEpoch ~= epoch then return {'fence_epoch', activityEpoch or ''} end
if state ~= 'preparing' then return {'already', state} end

call('HSET', stockKey, 'state', 'open')
return {'opened', ''}
