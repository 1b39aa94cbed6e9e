-- $1 the highest epoch that anybody else knows, $2 the highest that can be followed. No row: no epoch is left.
UPDATE deployment SET epoch = greatest(epoch, $1) + 1 WHERE greatest(epoch, $1) <= $2 RETURNING epoch
