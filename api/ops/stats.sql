-- name: campaigns_to_recount :many
-- Every campaign of an organization that has not been deleted.
select c.id
from outbound.campaigns as c
where c.deleted_at is null
order by c.id;

-- name: allow_long :one
-- Counting the events of a large campaign takes longer than a worker's statement may.
select set_config('statement_timeout', '30min', true) as allowed;

-- name: recount :one
-- How many figures of a campaign were wrong; they are mended where that is wanted.
select outbound.recount(%(campaign_id)s, %(mend)s) as wrong;
