-- $1 topic, $2…$7 partition, offset, key, payload, reason, detail of the dead letters. Seen again: kept as it was.
INSERT INTO dead_letter (topic, partition, "offset", key, payload, reason, detail)
SELECT $1, d.*
FROM unnest($2::integer[], $3::bigint[], $4::bytea[], $5::bytea[], $6::text[], $7::text[]) AS d
ORDER BY 2, 3
ON CONFLICT DO NOTHING
