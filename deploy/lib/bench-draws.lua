-- Draws for wrk, each by another user: ids of 13 characters, request ids of 16.
-- The argument tells runs apart that draw from one activity: 0 to 9.

local form, count = '', 0

function init(args)
  local run = args[1] or '0'
  form = 'POST ' .. wrk.path .. ' HTTP/1.1\r\nHost: ' .. wrk.headers['Host'] ..
    '\r\nX-User-Id: user-' .. run .. '-%06d\r\nIdempotency-Key: r-' .. run .. '-%012d\r\nContent-Length: 0\r\n\r\n'
end

function request()
  count = count + 1
  return string.format(form, count, count)
end
