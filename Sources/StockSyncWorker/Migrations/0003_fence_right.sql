-- The right to make the first fence of an empty Redis is given once, to one command. A command that read long ago that
-- there is none yet, and goes on after the sale has begun and Redis has lost its data, would make it look new.
ALTER TABLE deployment ADD COLUMN fence_given boolean NOT NULL DEFAULT false;
UPDATE deployment SET fence_given = epoch > 1 OR EXISTS (SELECT FROM activity);
