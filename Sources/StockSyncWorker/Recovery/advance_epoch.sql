-- $1 the highest epoch that anybody else knows.
UPDATE deployment SET epoch = greatest(epoch, $1) + 1 RETURNING epoch
