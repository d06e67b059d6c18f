-- name: list_entries :one
-- A page of what was done, newest first. The fence leaves a company its own people's rows.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    a.id,
    outbound.audit_document(a) as document
  from outbound.audit_log as a
  where
    (%(company_id)s::uuid is null or a.company_id = %(company_id)s::uuid)
    and (%(action)s::text is null or a.action = %(action)s::text)
    and (%(user_id)s::uuid is null or a.actor_user_id = %(user_id)s::uuid)
    and a.id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
  order by a.id desc
  limit %(page_size)s + 1
) as p;
