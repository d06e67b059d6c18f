-- name: get_binding :one
-- Which campaign of its provider is ours, as a partner sees it.
select
  json_build_object(
    'campaign_id', c.id, 'provider', k.provider, 'external_id', b.external_id, 'managed', c.managed,
    'created_at', b.created_at, 'updated_at', b.updated_at
  )::text as body
from outbound.campaigns as c
inner join outbound.campaign_bindings as b on c.org_id = b.org_id and c.company_id = b.company_id and c.id = b.campaign_id
inner join outbound.connections as k on b.org_id = k.org_id and b.company_id = k.company_id and b.connection_id = k.id
where c.id = %(id)s and c.deleted_at is null and b.external_id is not null;

-- name: connection_to_bind :one
-- The live connection through which a campaign is sent, and its account, held so that nobody else binds meanwhile.
select
  k.id as connection_id,
  k.provider
from outbound.connections as k
inner join outbound.provider_accounts as a on k.org_id = a.org_id and k.account_id = a.id
where
  k.company_id = %(company_id)s and k.capability = %(capability)s and k.status = 'connected'
  and k.closing_at is null and k.deleted_at is null
for no key update of a;

-- name: bound_elsewhere :one
-- Another campaign of the organization that is bound to the same one at the provider.
select b.campaign_id
from outbound.campaign_bindings as b
inner join outbound.connections as k on b.org_id = k.org_id and b.company_id = k.company_id and b.connection_id = k.id
inner join outbound.campaigns as c on b.org_id = c.org_id and b.company_id = c.company_id and b.campaign_id = c.id
where
  k.provider = %(provider)s and b.external_id = %(external_id)s and b.campaign_id <> %(id)s
  and k.deleted_at is null and c.deleted_at is null
order by b.id
limit 1;

-- name: bind :exec
-- Says which campaign of its provider is ours.
insert into outbound.campaign_bindings as b (company_id, campaign_id, connection_id, external_id)
values (%(company_id)s, %(id)s, %(connection_id)s, %(external_id)s)
on conflict (org_id, company_id, campaign_id) do update set external_id = excluded.external_id;

-- name: note_managed :exec
-- Says that a campaign's content is what stands at the provider.
update outbound.campaigns as c
set
  managed = true,
  revision = c.revision + 1,
  sync_error = null
where c.id = %(id)s;

-- name: lock_campaign :one
-- A campaign that may be bound: a draft, held until the transaction ends.
select
  c.id,
  c.company_id,
  c.capability,
  c.status,
  c.managed
from outbound.campaigns as c
where c.id = %(id)s and c.deleted_at is null
for no key update;
