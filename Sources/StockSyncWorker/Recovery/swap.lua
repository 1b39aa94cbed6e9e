-- Puts a rebuilt activity in the place of what is there, and opens it: all of it or nothing.
--
-- KEYS   from 8: stock:{A}:staged, then stock:{A}:staged:<token>:meta, :locks, :users, :free
-- ARGV   1 activity   2 token   3 epoch   4 identity that this connection read at its beginning
--        5 locks   6 users   7 free: how many are staged
--        8 total   9 limit   10 opens (ms)   11 closes (ms)   12 seq   13 used
--        14 compare: 1 asks for a lower stored epoch   15 clear: 1 drops the outbox
-- Reply  two texts
--        swapped       -         done
--        other_server  identity  this is not the server that was staged on
--        not_staged    -         the token is not there: what was staged is lost, or a newer recovery removed it
--        staged_count  key       another number of fields or elements is staged under that key
--        epoch         epoch     the server, or the activity, is of that epoch already: somebody was faster
--
-- A stored epoch that cannot be one (9007199254740991 or more) is none.

local stagedKey, metaKey, stagedLocks, stagedUsers, stagedFree = KEYS[8], KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local activity, token, epoch = ARGV[1], ARGV[2], tonumber(ARGV[3])
local compare, clear = ARGV[14] == '1', ARGV[15] == '1'

if identity ~= ARGV[4] then return {'other_server', identity} end
if call('SISMEMBER', stagedKey, token) == 0 or call('HGET', metaKey, 'token') ~= token then
  return {'not_staged', ''}
end
local counted = {{'locks', call('HLEN', stagedLocks)}, {'users', call('HLEN', stagedUsers)},
  {'free', call('LLEN', stagedFree)}}
for i, pair in ipairs(counted) do
  if pair[2] ~= tonumber(ARGV[4 + i]) then return {'staged_count', pair[1]} end
end
for _, stored in ipairs({serverEpoch or '0', call('HGET', stockKey, 'epoch') or '0'}) do
  local number = tonumber(stored)
  if compare and number and number >= epoch and number < 9007199254740991 then return {'epoch', stored} end
end

-- The first write is one that Redis never refuses. Renaming onto a large key would free it at once, on the one thread.
call('UNLINK', stockKey, locksKey, usersKey, freeKey, metaKey)
if clear then call('UNLINK', outboxKey) end
-- A key without members does not exist, and RENAME of a missing one fails.
for _, pair in ipairs({{stagedLocks, locksKey}, {stagedUsers, usersKey}, {stagedFree, freeKey}}) do
  if call('EXISTS', pair[1]) == 1 then call('RENAME', pair[1], pair[2]) end
end
call('SREM', stagedKey, token)
call('HSET', stockKey, 'total', ARGV[8], 'limit', ARGV[9], 'opens', ARGV[10], 'closes', ARGV[11],
  'seq', ARGV[12], 'used', ARGV[13], 'state', 'open', 'epoch', ARGV[3], 'fence', identity,
  'locks', ARGV[5], 'outbox', call('XLEN', outboxKey))
call('SADD', activitiesKey, activity)
return {'swapped', ''}
