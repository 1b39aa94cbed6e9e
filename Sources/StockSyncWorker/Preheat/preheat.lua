-- Puts an activity into Redis, in state preparing. Creates what is absent and never overwrites; only under a
-- stock:fence of this server and of the activity's own epoch. Idempotent.
--
-- ARGV   1 activity   2 total   3 limit per user   4 opens (ms)   5 closes (ms)   6 epoch
--        7 bootstrap: 1 creates stock:fence with this epoch if it is absent, 0 does not
-- Reply  two texts
--        created       -         it was not there
--        identical     state     it is there with these very values
--        different     field     it is there and differs in this field first, or this key of it is there without it
--        fence_absent  -         nothing is known of this server: recovery's business
--        fence_server  identity  what is here was opened on another server, or before this one was restarted
--        fence_epoch   epoch     the server is of that other epoch

local activity, epoch, bootstrap = ARGV[1], ARGV[6], ARGV[7] == '1'
local wanted = {total = ARGV[2], limit = ARGV[3], opens = ARGV[4], closes = ARGV[5], epoch = epoch, fence = identity}
local compared = {'total', 'limit', 'opens', 'closes', 'epoch', 'fence'}

local isFenced = call('EXISTS', fenceKey) == 1
if not isFenced and not bootstrap then return {'fence_absent', ''} end
if isFenced and serverFence ~= identity then return {'fence_server', serverFence or ''} end
if isFenced and serverEpoch ~= epoch then return {'fence_epoch', serverEpoch or ''} end

local isThere = call('EXISTS', stockKey) == 1
if isThere then
  local found = call('HMGET', stockKey, unpack(compared))
  for i, field in ipairs(compared) do
    if found[i] ~= wanted[field] then return {'different', field} end
  end
else
  for i, name in ipairs({'locks', 'users', 'free', 'outbox'}) do
    if call('EXISTS', KEYS[3 + i]) == 1 then return {'different', name} end
  end
end

if not isFenced then call('HSET', fenceKey, 'epoch', epoch, 'fence', identity) end
if not isThere then
  call('HSET', stockKey, 'state', 'preparing', 'used', 0, 'seq', 0, 'locks', 0, 'outbox', 0)
  for _, field in ipairs(compared) do call('HSET', stockKey, field, wanted[field]) end
end
call('SADD', activitiesKey, activity)
if isThere then return {'identical', call('HGET', stockKey, 'state')} end
return {'created', ''}
