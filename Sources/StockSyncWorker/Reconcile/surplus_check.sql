-- $1 activity: stock, surplus, rows that are held; as of one moment.
SELECT stock_total, stock_surplus, (SELECT count(*) FROM claim WHERE activity = $1 AND state = 'claimed')
FROM activity
WHERE id = $1
