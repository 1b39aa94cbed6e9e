-- Opens the server for an epoch, after the swap of its last activity: until then what is missing is unknown. Removes
-- listed activities that are not among them: those that are still being prepared, and those whose time is over.
--
-- KEYS   the first two alone; the others are named by what is listed
-- ARGV   1 epoch   2 identity that this connection read at its beginning   3 compare: 1 asks for a lower stored epoch
--        then the activities that were swapped
-- Reply  two texts
--        opened        removed   done; how many activities were removed
--        other_server  identity  this is not the server that was swapped on
--        epoch         epoch     the server is of that epoch already
--        missing       activity  it was swapped, and is not here any more
--
-- A stored epoch that cannot be one (9007199254740991 or more) is none.

local epoch, compare = ARGV[1], ARGV[3] == '1'
if identity ~= ARGV[2] then return {'other_server', identity} end
local stored = tonumber(serverEpoch or '')
if compare and stored and stored >= tonumber(epoch) and stored < 9007199254740991 then
  return {'epoch', serverEpoch}
end
local isOpen = {}
for i = 4, #ARGV do
  local activity = ARGV[i]
  isOpen[activity] = true
  if call('SISMEMBER', activitiesKey, activity) == 0
    or call('HGET', 'stock:{' .. activity .. '}', 'epoch') ~= epoch then
    return {'missing', activity}
  end
end

local removed = 0
for _, activity in ipairs(call('SMEMBERS', activitiesKey)) do
  if not isOpen[activity] then
    local stock = 'stock:{' .. activity .. '}'
    for _, token in ipairs(call('SMEMBERS', stock .. ':staged')) do
      local staged = stock .. ':staged:' .. token .. ':'
      call('UNLINK', staged .. 'meta', staged .. 'locks', staged .. 'users', staged .. 'free')
    end
    call('UNLINK', stock, stock .. ':locks', stock .. ':users', stock .. ':free', stock .. ':outbox', stock .. ':staged')
    call('SREM', activitiesKey, activity)
    removed = removed + 1
  end
end
call('HSET', fenceKey, 'epoch', epoch, 'fence', identity)
return {'opened', format('%d', removed)}
