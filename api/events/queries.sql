-- name: list_events :one
-- A page of a company's events, oldest first.
select outbound.page(array_agg(p.sequence::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    v.sequence,
    outbound.event_document(
      v.id, v.company_id, v.sequence, v.type, v.campaign_id, v.lead_id, v.data, v.occurred_at, v.created_at
    ) as document
  from outbound.events as v
  where
    v.company_id = coalesce(%(company_id)s::uuid, nullif(current_setting('app.company_id', true), '')::uuid)
    and exists (
      select from outbound.companies as c
      where c.org_id = v.org_id and c.id = v.company_id and c.deleted_at is null
    )
    and v.sequence > %(after)s
    and (%(type)s::text is null or v.type = %(type)s::text)
    and (%(campaign_id)s::uuid is null or v.campaign_id = %(campaign_id)s::uuid)
    and (%(lead_id)s::uuid is null or v.lead_id = %(lead_id)s::uuid)
  order by v.sequence
  limit %(page_size)s + 1
) as p;

-- name: get_event :one
-- One event as the API shows it.
select
  outbound.event_document(
    v.id, v.company_id, v.sequence, v.type, v.campaign_id, v.lead_id, v.data, v.occurred_at, v.created_at
  )::text as body
from outbound.events as v
inner join outbound.companies as c on v.org_id = c.org_id and v.company_id = c.id
where v.id = %(id)s and c.deleted_at is null;
