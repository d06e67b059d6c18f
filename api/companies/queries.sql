-- name: create_company :one
-- Adds a company to the caller's organization.
insert into outbound.companies as c (name)
values (%(name)s)
returning c.id;

-- name: get_company :one
-- One company as the API shows it.
select outbound.company_document(c)::text as body
from outbound.companies as c
where c.id = %(id)s and c.deleted_at is null;

-- name: list_companies :one
-- A page of companies, newest first.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    c.id,
    outbound.company_document(c) as document
  from outbound.companies as c
  where c.deleted_at is null and (%(before)s::uuid is null or c.id < %(before)s::uuid)
  order by c.id desc
  limit %(page_size)s + 1
) as p;
