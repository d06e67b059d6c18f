-- name: get_sender :one
-- One sender as the API shows it.
select outbound.sender_document(s)::text as body
from outbound.senders as s
where s.id = %(id)s and s.deleted_at is null;

-- name: list_senders :one
-- A page of senders, newest first.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    s.id,
    outbound.sender_document(s) as document
  from outbound.senders as s
  where
    s.deleted_at is null
    and (%(company_id)s::uuid is null or s.company_id = %(company_id)s::uuid)
    and (%(status)s::text is null or s.status = %(status)s::text)
    and (%(before)s::uuid is null or s.id < %(before)s::uuid)
  order by s.id desc
  limit %(page_size)s + 1
) as p;
