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
