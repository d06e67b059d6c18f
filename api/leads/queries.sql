-- name: lock_campaign :one
-- The campaign that people are added to, held against deletion until the transaction ends.
select
  c.id,
  c.company_id,
  c.status
from outbound.campaigns as c
where c.id = %(id)s and c.deleted_at is null
for key share;

-- name: campaign_exists :one
-- Whether a campaign is the caller's and not deleted.
select c.id
from outbound.campaigns as c
where c.id = %(id)s and c.deleted_at is null;

-- name: add_leads :one
-- Judges every row, adds the people who are new to the campaign, and tells what became of each row.
with input as materialized (
  select
    r.index,
    r.email,
    r.first_name,
    r.last_name,
    r.company_name,
    coalesce(r.custom, '{}'::jsonb) as custom,
    r.reason,
    case when r.reason is null then outbound.normalize_email(r.email) end as address
  from jsonb_to_recordset(%(rows)s::jsonb) as r (
    index integer, email text, first_name text, last_name text, company_name text, custom jsonb, reason text
  )
),

suppressed as materialized (
  select s.address
  from outbound.suppressed_among(
    %(company_id)s, (select array_agg(distinct i.address) from input as i
where i.address is not null)
  ) as s (address)
),

firsts as materialized (
  select distinct on (i.address) i.*
  from input as i
  where i.address is not null and i.address not in (select s.address from suppressed as s)
  order by i.address, i.index
),

known as (
  insert into outbound.leads as l (company_id, email, first_name, last_name, company_name, custom)
  select
    %(company_id)s,
    f.email,
    f.first_name,
    f.last_name,
    f.company_name,
    f.custom
  from firsts as f
  order by f.address
  on conflict (org_id, company_id, email_normalized) where deleted_at is null
  do update set
  first_name = coalesce(excluded.first_name, l.first_name),
  last_name = coalesce(excluded.last_name, l.last_name),
  company_name = coalesce(excluded.company_name, l.company_name),
  custom = l.custom || excluded.custom
  returning l.id, l.email_normalized
),

enrolled as (
  insert into outbound.campaign_leads as e (company_id, campaign_id, lead_id)
  select
    %(company_id)s,
    %(campaign_id)s,
    k.id
  from known as k
  order by k.id
  on conflict (org_id, company_id, campaign_id, lead_id) where deleted_at is null do nothing
  returning e.lead_id
),

judged as (
  select
    i.index,
    i.email,
    i.reason,
    k.id as lead_id,
    case
      when i.reason is not null then 'invalid'
      when s.address is not null then 'suppressed'
      when f.index = i.index and e.lead_id is not null then 'added'
      else 'duplicate'
    end as result
  from input as i
  left join suppressed as s on i.address = s.address
  left join firsts as f on i.address = f.address
  left join known as k on i.address = k.email_normalized
  left join enrolled as e on k.id = e.lead_id
)

select
  count(*) filter (where j.result = 'added') as added,
  json_build_object(
    'counts', json_build_object(
      'received', count(*),
      'added', count(*) filter (where j.result = 'added'),
      'duplicate', count(*) filter (where j.result = 'duplicate'),
      'suppressed', count(*) filter (where j.result = 'suppressed'),
      'invalid', count(*) filter (where j.result = 'invalid')
    ),
    'results', coalesce(
      json_agg(
        json_build_object(
          'index', j.index, 'email', j.email, 'result', j.result, 'lead_id', j.lead_id, 'reason', j.reason
        )
        order by j.index
      ),
      '[]'::json
    )
  )::text as body
from judged as j;

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
