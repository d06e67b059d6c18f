-- name: erase_tenant :one
-- Takes one batch away: how many rows that were, 0 when all is gone, null when a provider must stop something first.
select outbound.erase_tenant(%(subject)s, %(batch)s) as taken;
