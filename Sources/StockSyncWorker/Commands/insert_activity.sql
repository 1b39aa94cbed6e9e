-- $1 id, $2 name, $3 stock, $4 limit, $5 opens (ms), $6 closes (ms). Nothing happens if it exists.
INSERT INTO activity (
  id, name, stock_total, stock_surplus, per_user_limit, opens_at, closes_at, state)
VALUES (
  $1, $2, $3, $3, $4, to_timestamp($5::bigint / 1000::double precision),
  to_timestamp($6::bigint / 1000::double precision), 'preparing')
ON CONFLICT (id) DO NOTHING
