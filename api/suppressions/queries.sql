-- name: put_suppressions :many
-- Adds entries to a company's list, or with no company to the organization's, and returns the id of each by its place.
-- What is there already stays as it is, but covers more where the new entry does.
with given as (
  select r.*
  from jsonb_to_recordset(%(entries)s::jsonb) as r (
    place integer, kind text, value text, key text, subdomains boolean, tags boolean, source_at timestamptz
  )
),

written as (
  insert into outbound.suppressions as s (
    company_id, kind, value, value_key, include_subdomains, include_tags, source, source_at
  )
  select
    %(company_id)s::uuid,
    g.kind,
    g.value,
    g.key,
    g.subdomains,
    g.tags,
    %(source)s,
    coalesce(g.source_at, now())
  from given as g
  order by g.key
  on conflict (org_id, company_id, value_key) where deleted_at is null
  do update set
    include_subdomains = s.include_subdomains or excluded.include_subdomains,
    include_tags = s.include_tags or excluded.include_tags,
    marked_at = null
  where
    (excluded.include_subdomains and not s.include_subdomains) or (excluded.include_tags and not s.include_tags)
  returning s.id, s.value_key, xmax = 0 as is_new
)

select
  g.place,
  g.key,
  coalesce(w.id, s.id) as id,
  coalesce(w.is_new, false) as created
from given as g
left join written as w on g.key = w.value_key
left join outbound.suppressions as s
  on g.key = s.value_key and s.company_id is not distinct from %(company_id)s::uuid and s.deleted_at is null;

-- name: find_suppressions :many
-- The entries of these keys, which somebody else has added at the same moment.
select
  s.id,
  s.value_key as key
from outbound.suppressions as s
where
  s.value_key = any(%(keys)s::text[]) and s.company_id is not distinct from %(company_id)s::uuid
  and s.deleted_at is null;

-- name: company_exists :one
-- Whether a company is the caller's and not deleted.
select c.id
from outbound.companies as c
where c.id = %(company_id)s and c.deleted_at is null;

-- name: get_suppression :one
-- One entry of a company's list, or of the organization's, as the API shows it.
select outbound.suppression_document(s)::text as body
from outbound.suppressions as s
where s.id = %(id)s and (s.company_id is null) = %(of_organization)s and s.deleted_at is null;

-- name: list_suppressions :one
-- A page of entries, newest first: companies' or the organization's.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    s.id,
    outbound.suppression_document(s) as document
  from outbound.suppressions as s
  where
    s.deleted_at is null and (s.company_id is null) = %(of_organization)s
    and (%(company_id)s::uuid is null or s.company_id = %(company_id)s::uuid)
    and (
      %(key)s::text is null or s.value_key = %(key)s::text
      or (s.include_tags and s.value_key = %(bare)s::text)
    )
    and (%(before)s::uuid is null or s.id < %(before)s::uuid)
  order by s.id desc
  limit %(page_size)s + 1
) as p;

-- name: export_suppressions :one
-- The next entries of an export, oldest first, and where it goes on.
select
  json_build_object(
    'rows', coalesce(json_agg(outbound.suppression_document(p)), '[]'::json), 'last', max(p.id::text)
  )::text as body
from (
  select s.*
  from outbound.suppressions as s
  where
    s.deleted_at is null and (s.company_id is null) = %(of_organization)s
    and (%(company_id)s::uuid is null or s.company_id = %(company_id)s::uuid)
    and s.id > coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000'::uuid)
  order by s.id
  limit 5000
) as p;

-- name: lock_suppression :one
-- How somebody came onto the list.
select s.source
from outbound.suppressions as s
where s.id = %(id)s and (s.company_id is null) = %(of_organization)s and s.deleted_at is null
for update;

-- name: delete_suppression :one
-- Takes somebody off the list.
update outbound.suppressions as s
set deleted_at = transaction_timestamp()
where s.id = %(id)s and s.deleted_at is null
returning s.id;
