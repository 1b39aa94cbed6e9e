-- $1 activity, $2 and $3 first and last slot: those that are held, in order.
SELECT slot, usr || ' ' || request || ' ' || seq || ' ' || epoch
FROM claim
WHERE activity = $1 AND slot BETWEEN $2 AND $3 AND state = 'claimed'
ORDER BY slot
