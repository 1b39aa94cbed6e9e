-- The epoch that an activity starts in, and whether any activity was ever open: then Redis must know its fence.
SELECT epoch, EXISTS (SELECT FROM activity WHERE state = 'open') FROM deployment
