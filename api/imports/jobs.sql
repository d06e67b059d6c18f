-- name: next_import :one
-- The oldest list of a company that is to be read, or has ended and is still kept: one after the other. Notes that it is
-- tried, so that a list that nothing can be added of is given up one day.
update outbound.imports as i
set attempts = i.attempts + 1
where
  i.id = (
    select w.id
    from outbound.imports as w
    where
      w.company_id = %(company_id)s and w.deleted_at is null
      and (w.state in ('queued', 'running') or (w.finished_at is not null and w.chunks > 0))
    order by w.id
    limit 1
  )
returning
  i.id,
  i.company_id,
  i.kind,
  i.campaign_id,
  i.source,
  i.media_type,
  i.state,
  i.size,
  i.chunks,
  i.charset,
  i.column_map,
  i.layout,
  i.read_size,
  i.place,
  i.rows_read,
  i.counts,
  i.attempts;

-- name: was_not_tried :exec
-- Another workbook was being read: that is no try at this one.
update outbound.imports as i
set attempts = i.attempts - 1
where i.company_id = %(company_id)s and i.id = %(id)s;

-- name: pieces :many
-- Pieces of a list, one after the other.
select
  c.id,
  c.body
from outbound.import_chunks as c
where
  c.company_id = %(company_id)s and c.import_id = %(id)s and c.is_unpacked = %(is_unpacked)s
  and c.number between %(first)s and %(last)s
order by c.number;

-- name: put_unpacked :exec
-- Writes a piece of what a workbook was made into down.
insert into outbound.import_chunks (company_id, id, import_id, is_unpacked, number, body)
values (%(company_id)s, %(piece_id)s, %(id)s, true, %(number)s, %(body)s);

-- name: lock_queued :one
-- Keeps a list from being read or canceled while it is made into lines; no row where that is not to be done any more.
select i.id
from outbound.imports as i
where i.company_id = %(company_id)s and i.id = %(id)s and i.state = 'queued' and i.deleted_at is null
for no key update;

-- name: remove_unpacked :exec
-- Takes away what a workbook was made into, as far as a worker came that was killed.
delete from outbound.import_chunks as c
where c.company_id = %(company_id)s and c.import_id = %(id)s and c.is_unpacked;

-- name: remove_chunks :exec
-- Takes away some of what was sent and of what a workbook was made into.
delete from outbound.import_chunks as c
where
  c.id in (
    select k.id
    from outbound.import_chunks as k
    where k.company_id = %(company_id)s and k.import_id = %(id)s
    order by k.id
    limit 50
  );

-- name: start_import :one
-- The list has been understood, and is read from here on; no row where it was canceled meanwhile.
update outbound.imports as i
set
  state = 'running',
  layout = %(layout)s::jsonb,
  place = %(place)s::jsonb,
  read_size = %(read_size)s,
  attempts = 0,
  started_at = coalesce(i.started_at, now())
where i.company_id = %(company_id)s and i.id = %(id)s and i.state = 'queued' and i.deleted_at is null
returning i.id;

-- name: lock_place :one
-- How far a list has been read; no row where it is to be read no more.
select
  i.place,
  i.rows_read,
  i.counts
from outbound.imports as i
where i.company_id = %(company_id)s and i.id = %(id)s and i.state = 'running' and i.deleted_at is null
for no key update;

-- name: put_results :exec
-- What became of the next rows.
insert into outbound.import_results (company_id, id, import_id, first_row, body, seen)
values (%(company_id)s, %(results_id)s, %(id)s, %(first_row)s, %(body)s, %(seen)s);

-- name: seen :many
-- The keys that the batches so far have brought.
select r.seen
from outbound.import_results as r
where r.company_id = %(company_id)s and r.import_id = %(id)s
order by r.first_row;

-- name: move_on :exec
-- They are added: the list is read from behind them on.
update outbound.imports as i
set
  place = %(place)s::jsonb,
  rows_read = %(rows_read)s,
  counts = %(counts)s::jsonb,
  attempts = 0
where i.company_id = %(company_id)s and i.id = %(id)s;

-- name: end_import :exec
-- Nothing more is read of it.
update outbound.imports as i
set
  state = %(state)s,
  reason = %(reason)s,
  detail = %(detail)s,
  finished_at = now()
where i.company_id = %(company_id)s and i.id = %(id)s and i.state in ('queued', 'running');

-- name: forget_chunks :exec
-- What was sent is kept no more; of a list that never came whole nothing is.
update outbound.imports as i
set
  chunks = 0,
  deleted_at = case when i.state = 'abandoned' then now() end
where i.company_id = %(company_id)s and i.id = %(id)s;
