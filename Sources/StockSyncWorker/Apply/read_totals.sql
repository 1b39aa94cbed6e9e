-- $1 activities. Their stock never changes, so no lock is needed.
SELECT id, stock_total FROM activity WHERE id = ANY ($1)
