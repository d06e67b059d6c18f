-- name: take_values :one
-- A client's own tenant and what it asks for.
select
  p.ticket as ticket,
  p.domain as domain,
  p.lead_id as lead,
  p.org_id as org,
  p.company_id as company,
  encode(p.hmac, 'hex') as hmac
from bench.probes as p
where p.number = mod(cast(:client_id as integer) + cast(:base as integer), 96);

-- name: open_ticket :one
-- The product's own opening statement.
select org_id, company_id, user_id, credential_id, tier from ctx.open(:ticket);

-- name: look_up :one
-- What a design without signatures does to learn whose token it is.
select c.org_id, c.company_id, c.user_id, c.id, c.tier from bench.credentials as c
where c.hmac = decode(:hmac, 'hex') and c.closed_at is null and (c.expires_at is null or c.expires_at > now());
