-- name: lock_campaign :one
-- The campaign that people are added to, held against deletion until the transaction ends.
select
  c.id,
  c.company_id,
  c.capability,
  c.status
from outbound.campaigns as c
where c.id = %(id)s and c.deleted_at is null
for key share;

-- name: campaign_exists :one
-- Whether a campaign is the caller's and not deleted.
select c.id
from outbound.campaigns as c
where c.id = %(id)s and c.deleted_at is null;

-- name: list_campaign_leads :one
-- A page of a campaign's people, newest first; no row when there is no such campaign.
select
  (
    select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s)
    from (
      select
        e.id,
        outbound.campaign_lead_document(e, l) as document
      from outbound.campaign_leads as e
      inner join outbound.leads as l
        on e.org_id = l.org_id and e.company_id = l.company_id and e.lead_id = l.id
      where
        e.company_id = c.company_id and e.campaign_id = c.id and e.deleted_at is null and l.deleted_at is null
        and (%(status)s::text is null or e.status = %(status)s::text)
        and (%(push_state)s::text is null or e.push_state = %(push_state)s::text)
        and e.id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
      order by e.id desc
      limit %(page_size)s + 1
    ) as p
  ) as body
from outbound.campaigns as c
where c.id = %(campaign_id)s and c.deleted_at is null;

-- name: get_lead :one
-- One person as the API shows them.
select outbound.lead_document(l)::text as body
from outbound.leads as l
where l.id = %(id)s and l.deleted_at is null;

-- name: lock_lead :one
-- One person, held until the transaction ends.
select outbound.lead_document(l)::text as body
from outbound.leads as l
where l.id = %(id)s and l.deleted_at is null
for no key update;

-- name: update_lead :exec
-- Changes what is given. `custom` and metadata are merged; a key that is given as null goes.
update outbound.leads as l
set
  first_name = coalesce(%(first_name)s, l.first_name),
  last_name = coalesce(%(last_name)s, l.last_name),
  company_name = coalesce(%(company_name)s, l.company_name),
  custom = coalesce(jsonb_strip_nulls(l.custom || %(custom)s::jsonb), l.custom),
  metadata = coalesce(jsonb_strip_nulls(l.metadata || %(metadata)s::jsonb), l.metadata)
where l.id = %(id)s and l.deleted_at is null;

-- name: list_leads :one
-- A page of people, newest first.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    l.id,
    outbound.lead_document(l) as document
  from outbound.leads as l
  where
    l.deleted_at is null
    and (%(company_id)s::uuid is null or l.company_id = %(company_id)s::uuid)
    and l.id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
  order by l.id desc
  limit %(page_size)s + 1
) as p;

-- name: list_leads_by_domain :one
-- A page of the people of one mail domain, newest first.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    l.id,
    outbound.lead_document(l) as document
  from outbound.leads as l
  where
    l.deleted_at is null
    and (%(company_id)s::uuid is null or l.company_id = %(company_id)s::uuid)
    and l.email_domain = outbound.normalize_email(%(domain)s::text)
    and l.id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
  order by l.id desc
  limit %(page_size)s + 1
) as p;

-- name: list_leads_by_email :one
-- The person with an address: one at most per company.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    l.id,
    outbound.lead_document(l) as document
  from outbound.leads as l
  where
    l.deleted_at is null
    and (%(company_id)s::uuid is null or l.company_id = %(company_id)s::uuid)
    and l.email_normalized = outbound.normalize_email(%(email)s::text)
    and (%(domain)s::text is null or l.email_domain = outbound.normalize_email(%(domain)s::text))
    and l.id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
  order by l.id desc
  limit %(page_size)s + 1
) as p;
