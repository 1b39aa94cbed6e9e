-- Fences an activity that has lost what Postgres holds: nothing is issued any more, and a worker rebuilds it.
--
-- ARGV   1 activity   2 epoch   3 slot   4 the lock as it was seen, '' where there was none
-- Reply  done; or changed: the lock is another by now

if (call('HGET', locksKey, ARGV[3]) or '') ~= ARGV[4] then return {'changed', ''} end
call('HDEL', stockKey, 'fence')
return {'done', ''}
