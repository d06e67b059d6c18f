-- name: create_company :one
-- Adds a company to the caller's organization.
insert into outbound.companies as c (name, timezone, metadata)
values (%(name)s, %(timezone)s, %(metadata)s::jsonb)
returning c.id;

-- name: get_company :one
-- One company as the API shows it.
select outbound.company_document(c)::text as body
from outbound.companies as c
where c.id = %(id)s and c.deleted_at is null;

-- name: get_own_company :one
-- The company of the context, or with an organization's context the one that is named.
select outbound.company_document(c)::text as body
from outbound.companies as c
where c.id = coalesce(%(id)s::uuid, (select ctx.company_id())) and c.deleted_at is null;

-- name: lock_organization :exec
-- The caller's organization, which is not suspended or deleted until the transaction ends; locked before its companies.
select from outbound.organizations as o
for share;

-- name: lock_company :one
-- One company, locked until the transaction ends.
select
  c.id,
  c.status,
  outbound.company_document(c)::text as body
from outbound.companies as c
where c.id = %(id)s and c.deleted_at is null
for no key update;

-- name: update_company :exec
-- Changes what is given. Metadata is merged; a key that is given as null goes.
update outbound.companies as c
set
  name = coalesce(%(name)s, c.name),
  postal_address = coalesce(%(postal_address)s, c.postal_address),
  timezone = coalesce(%(timezone)s, c.timezone),
  metadata = coalesce(jsonb_strip_nulls(c.metadata || %(metadata)s::jsonb), c.metadata)
where c.id = %(id)s;

-- name: allow :exec
-- Sets what the partner alone allows a company.
update outbound.companies as c
set may_omit_unsubscribe = %(may_omit_unsubscribe)s
where c.id = %(id)s;

-- name: set_status :exec
-- Suspends, opens or begins to delete a company; triggers pause its campaigns and close its credentials.
update outbound.companies as c
set status = %(status)s
where c.id = %(id)s;

-- name: list_companies :one
-- A page of companies, newest first.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    c.id,
    outbound.company_document(c) as document
  from outbound.companies as c
  where
    c.deleted_at is null
    and (%(status)s::text is null or c.status = %(status)s::text)
    and (%(before)s::uuid is null or c.id < %(before)s::uuid)
  order by c.id desc
  limit %(page_size)s + 1
) as p;
