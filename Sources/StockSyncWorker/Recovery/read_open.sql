-- $1 retention in hours. The epoch, whether any activity was ever open, and the activities that Redis has to hold.
SELECT d.epoch, EXISTS (SELECT FROM activity WHERE state = 'open'), a.id
FROM deployment d
LEFT JOIN activity a ON a.state = 'open' AND a.closes_at > now() - make_interval(hours => $1)
ORDER BY a.id
