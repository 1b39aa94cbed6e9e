-- Removes an activity whose retention is over, once its outbox is empty. Behind server.lua alone: one that the last
-- recovery left out carries an old fence.
--
-- ARGV   1 activity   2 epoch: Postgres'   3 retention (ms)
-- Reply  expired; or absent: it is not there; or early: it is still within its retention here; or outbox and how many
--        entries wait; or untrusted: the server's fence or epoch is not as it has to be

if serverEpoch ~= ARGV[2] or serverFence ~= identity then return {'untrusted', ''} end
local closes = tonumber(call('HGET', stockKey, 'closes'))
if not closes then return {'absent', ''} end
local clock = call('TIME')
if clock[1] * 1000 + math.floor(clock[2] / 1000) < closes + tonumber(ARGV[3]) then return {'early', ''} end
local waiting = call('XLEN', outboxKey)
if waiting > 0 then return {'outbox', tostring(waiting)} end
call('SREM', activitiesKey, ARGV[1])
-- What a recovery that did not end has left, as in fence.lua.
local stagedKey = stockKey .. ':staged'
for _, token in ipairs(call('SMEMBERS', stagedKey)) do
  local staged = stagedKey .. ':' .. token .. ':'
  call('UNLINK', staged .. 'meta', staged .. 'locks', staged .. 'users', staged .. 'free')
end
call('UNLINK', stockKey, locksKey, usersKey, freeKey, outboxKey, stagedKey)
return {'expired', ''}
