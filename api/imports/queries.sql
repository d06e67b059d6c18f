-- name: campaign_of_import :one
-- The campaign that people are to be added to; no row where it is not the caller's.
select
  c.company_id,
  c.status
from outbound.campaigns as c
where c.id = %(id)s and c.deleted_at is null;

-- name: company_of_import :one
-- A company of the caller's, and how many of its lists have not ended.
select
  c.id,
  (
    select count(*)
    from outbound.imports as i
    where i.company_id = c.id and i.state in ('receiving', 'queued', 'running') and i.deleted_at is null
  ) as waiting
from outbound.companies as c
where c.id = %(company_id)s and c.deleted_at is null;

-- name: begin_import :exec
-- A list begins to come.
insert into outbound.imports (id, company_id, kind, campaign_id, name, source, media_type, charset, column_map)
values (
  %(id)s, %(company_id)s, %(kind)s, %(campaign_id)s, %(name)s, %(source)s, %(media_type)s, %(charset)s, %(column_map)s
);

-- name: put_chunk :exec
-- Writes the next piece of it down.
insert into outbound.import_chunks (company_id, id, import_id, number, body)
values (%(company_id)s, %(id)s, %(import_id)s, %(number)s, %(body)s);

-- name: abandon_import :exec
-- Gives up a list that will not be whole; the job takes away what has come of it.
update outbound.imports as i
set
  state = 'abandoned',
  chunks = %(chunks)s,
  finished_at = now()
where i.company_id = %(company_id)s and i.id = %(id)s and i.state = 'receiving' and i.deleted_at is null;

-- name: queue_import :one
-- The list is whole: from now on it is the job's.
update outbound.imports as i
set
  state = 'queued',
  size = %(size)s,
  chunks = %(chunks)s
where i.company_id = %(company_id)s and i.id = %(id)s and i.state = 'receiving' and i.deleted_at is null
returning i.id;

-- name: get_import :one
-- One import as the API shows it.
select outbound.import_document(i)::text as body
from outbound.imports as i
where i.id = %(id)s and i.state not in ('receiving', 'abandoned') and i.deleted_at is null;

-- name: list_imports :one
-- A page of imports, newest first.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    i.id,
    outbound.import_document(i) as document
  from outbound.imports as i
  where
    i.deleted_at is null and i.state not in ('receiving', 'abandoned')
    and (%(company_id)s::uuid is null or i.company_id = %(company_id)s::uuid)
    and (%(kind)s::text is null or i.kind = %(kind)s::text)
    and (%(state)s::text is null or i.state = %(state)s::text)
    and (%(before)s::uuid is null or i.id < %(before)s::uuid)
  order by i.id desc
  limit %(page_size)s + 1
) as p;

-- name: lock_import :one
-- How far an import has come.
select
  i.company_id,
  i.state
from outbound.imports as i
where i.id = %(id)s and i.state not in ('receiving', 'abandoned') and i.deleted_at is null
for no key update;

-- name: cancel_import :exec
-- Reads no more of it. What has been added stays.
update outbound.imports as i
set
  state = 'canceled',
  finished_at = now()
where i.id = %(id)s;

-- name: results_of_import :one
-- What a caller needs to know of an import to read its results.
select
  json_build_object(
    'org_id', i.org_id, 'kind', i.kind, 'has_expired', i.finished_at < now() - interval '30 days'
  )::text as body
from outbound.imports as i
where i.id = %(id)s and i.state not in ('receiving', 'abandoned') and i.deleted_at is null;

-- name: page_of_results :one
-- The next results, sealed, in the order of the rows.
select
  json_build_object(
    'rows', json_agg(
      json_build_object('id', p.id, 'first_row', p.first_row, 'body', encode(p.body, 'base64')) order by p.first_row
    ),
    'last', max(p.first_row)
  )::text as body
from (
  select
    r.id,
    r.first_row,
    r.body
  from outbound.import_results as r
  inner join outbound.imports as i on r.org_id = i.org_id and r.company_id = i.company_id and r.import_id = i.id
  where i.id = %(id)s and i.deleted_at is null and r.first_row > coalesce(%(after)s::bigint, -1)
  order by r.first_row
  limit 2
) as p;
