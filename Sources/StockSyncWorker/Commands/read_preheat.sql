-- The epoch that an activity starts in, and whether this command may make stock:fence if it is absent: the right is given
-- once. Whoever had it and died leaves an empty Redis to recovery.
WITH given AS (
  UPDATE deployment SET fence_given = true WHERE NOT fence_given RETURNING one
)
SELECT epoch, EXISTS (SELECT FROM given) FROM deployment
