-- $1 id. From here on the activity is brought back by recovery alone, never preheated again.
UPDATE activity SET state = 'open' WHERE id = $1 AND state = 'preparing'
