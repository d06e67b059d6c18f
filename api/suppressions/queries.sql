-- name: create_suppression :one
-- Adds somebody to a company's list; who is there already stays as they are.
with added as (
  insert into outbound.suppressions as s (company_id, kind, value)
  values (%(company_id)s, %(kind)s, %(value)s)
  on conflict (org_id, company_id, value_normalized) where deleted_at is null do nothing
  returning s.id
)

select
  added.id,
  true as created
from added
union all
select
  s.id,
  false
from outbound.suppressions as s
where
  s.company_id = %(company_id)s and s.deleted_at is null
  and s.value_normalized = case
    when %(kind)s = 'linkedin_url' then outbound.normalize_linkedin_url(%(value)s)
    else outbound.normalize_email(%(value)s)
  end
limit 1;

-- name: get_suppression :one
-- One suppression as the API shows it.
select outbound.suppression_document(s)::text as body
from outbound.suppressions as s
where s.id = %(id)s and s.deleted_at is null;

-- name: list_suppressions :one
-- A page of suppressions, newest first.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    s.id,
    outbound.suppression_document(s) as document
  from outbound.suppressions as s
  where
    s.deleted_at is null
    and (%(company_id)s::uuid is null or s.company_id = %(company_id)s::uuid)
    and (%(before)s::uuid is null or s.id < %(before)s::uuid)
  order by s.id desc
  limit %(page_size)s + 1
) as p;

-- name: lock_suppression :one
-- How somebody came onto the list.
select s.source
from outbound.suppressions as s
where s.id = %(id)s and s.deleted_at is null
for update;

-- name: delete_suppression :one
-- Takes somebody off the list.
update outbound.suppressions as s
set deleted_at = transaction_timestamp()
where s.id = %(id)s and s.deleted_at is null
returning s.id;
