-- $1 retention in hours. The epoch, whether Redis has to have a fence, and the activities that it has to hold.
SELECT d.epoch, d.fence_given OR EXISTS (SELECT FROM activity WHERE state = 'open'), a.id
FROM deployment d
LEFT JOIN activity a ON a.state = 'open' AND a.closes_at > now() - make_interval(hours => $1)
ORDER BY a.id
