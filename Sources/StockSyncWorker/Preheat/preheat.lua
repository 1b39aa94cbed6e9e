-- Puts an activity into Redis, in state preparing. Creates what is absent and never overwrites; only under a
-- stock:fence of the activity's own epoch. Idempotent.
--
-- KEYS   1 stock:fence   2 stock:activities   3 stock:{A}   4 …:locks   5 …:users   6 …:free   7 …:outbox
--        (what they hold is said in DrawService's prologue.lua)
-- ARGV   1 activity   2 total   3 limit per user   4 opens (ms)   5 closes (ms)   6 epoch
--        7 fence: the server's identity
--        8 bootstrap: 1 creates stock:fence with this epoch and identity if it is absent, 0 does not
-- Reply  two texts
--        created       -        it was not there
--        identical     state    it is there with these very values
--        different     field    it is there and differs in this field first, or this key of it is there without it
--        fence_absent  -        nothing is known of this server: recovery's business
--        fence_epoch   epoch    the server is of that other epoch

local fenceKey, activitiesKey, stockKey = unpack(KEYS)
local activity, epoch, fence, bootstrap = ARGV[1], ARGV[6], ARGV[7], ARGV[8] == '1'
local wanted = {total = ARGV[2], limit = ARGV[3], opens = ARGV[4], closes = ARGV[5], epoch = epoch, fence = fence}
local compared = {'total', 'limit', 'opens', 'closes', 'epoch', 'fence'}

local serverEpoch = redis.call('HGET', fenceKey, 'epoch')
if not serverEpoch and not bootstrap then return {'fence_absent', ''} end
if serverEpoch and serverEpoch ~= epoch then return {'fence_epoch', serverEpoch} end

local isThere = redis.call('EXISTS', stockKey) == 1
if isThere then
  local found = redis.call('HMGET', stockKey, unpack(compared))
  for i, field in ipairs(compared) do
    if found[i] ~= wanted[field] then return {'different', field} end
  end
else
  for i, name in ipairs({'locks', 'users', 'free', 'outbox'}) do
    if redis.call('EXISTS', KEYS[3 + i]) == 1 then return {'different', name} end
  end
end

if not serverEpoch then redis.call('HSET', fenceKey, 'epoch', epoch, 'fence', fence) end
if not isThere then
  redis.call('HSET', stockKey, 'state', 'preparing', 'used', 0, 'seq', 0, 'locks', 0, 'outbox', 0)
  for _, field in ipairs(compared) do redis.call('HSET', stockKey, field, wanted[field]) end
end
redis.call('SADD', activitiesKey, activity)
if isThere then return {'identical', redis.call('HGET', stockKey, 'state')} end
return {'created', ''}
