-- Draws for wrk, each by another user: ids of 13 characters, request ids of 16.
-- Arguments: what tells runs apart that draw from one activity, 0 to 9; and from how many activities they draw in turns,
-- the one of the path and those before it.

local forms, count = {}, 0

function init(args)
  local run, activities = args[1] or '0', tonumber(args[2] or '1')
  local before, activity, behind = string.match(wrk.path, '^(.*/activities/)(%d+)(/.*)$')
  for place = 1, activities do
    forms[place] = 'POST ' .. before .. string.format('%d', activity - place + 1) .. behind .. ' HTTP/1.1\r\nHost: ' ..
      wrk.headers['Host'] .. '\r\nX-User-Id: user-' .. run .. '-%06d\r\nIdempotency-Key: r-' .. run ..
      '-%012d\r\nContent-Length: 0\r\n\r\n'
  end
end

function request()
  count = count + 1
  return string.format(forms[count % #forms + 1], count, count)
end
