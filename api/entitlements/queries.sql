-- name: list_entitlements :one
-- Everything a company is entitled to, newest first.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    e.id,
    outbound.entitlement_document(e) as document
  from outbound.entitlements as e
  where
    e.company_id = %(company_id)s and e.deleted_at is null
    and (%(before)s::uuid is null or e.id < %(before)s::uuid)
  order by e.id desc
  limit %(page_size)s + 1
) as p;

-- name: company_exists :one
-- Whether a company is the caller's and not deleted.
select c.id
from outbound.companies as c
where c.id = %(company_id)s and c.deleted_at is null;

-- name: capability_exists :one
-- Whether a capability is one we have.
select c.key
from outbound.capabilities as c
where c.key = %(capability)s;

-- name: provider_offers :one
-- Whether a provider offers a capability.
select p.key
from outbound.providers as p
where p.capability = %(capability)s and p.key = %(provider)s;

-- name: put_entitlement :one
-- Entitles a company, or changes the provider while nothing is connected; no row while something is.
insert into outbound.entitlements as e (company_id, capability, provider)
values (%(company_id)s, %(capability)s, %(provider)s)
on conflict (org_id, company_id, capability) where deleted_at is null
do update set provider = excluded.provider
where e.status = 'entitled' or e.provider = excluded.provider
returning outbound.entitlement_document(e)::text as body;

-- name: lock_tenants :one
-- The caller's organization and a company of it, neither of which is suspended or deleted until the transaction ends.
select c.status
from outbound.organizations as o
inner join outbound.companies as c on o.id = c.org_id
where c.id = %(company_id)s and c.deleted_at is null
for share of o, c;

-- name: lock_entitlement :one
-- A company's entitlement to a capability, held until the transaction ends.
select e.id
from outbound.entitlements as e
where e.company_id = %(company_id)s and e.capability = %(capability)s and e.deleted_at is null
for no key update of e;

-- name: close_connection :exec
-- Begins to close the connection behind a capability: triggers pause its campaigns, the lane tells the provider.
update outbound.connections as k
set closing_at = now()
where
  k.company_id = %(company_id)s and k.capability = %(capability)s
  and k.closing_at is null and k.status <> 'disconnected' and k.deleted_at is null;

-- name: delete_entitlement :exec
-- Takes an entitlement away.
update outbound.entitlements as e
set deleted_at = now()
where e.id = %(id)s;
