-- name: get_lead :one
-- One person as the API shows them.
select outbound.lead_document(l)::text as body
from outbound.leads as l
where l.id = %(id)s and l.deleted_at is null;

-- name: lock_lead :one
-- One person, held until the transaction ends.
select
  l.company_id,
  outbound.lead_document(l)::text as body
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
  first_key = case when %(first_name)s::text is null then l.first_key else %(first_key)s end,
  last_key = case when %(last_name)s::text is null then l.last_key else %(last_key)s end,
  company_key = case when %(company_name)s::text is null then l.company_key else %(company_key)s end,
  custom = coalesce(jsonb_strip_nulls(l.custom || %(custom)s::jsonb), l.custom),
  metadata = coalesce(jsonb_strip_nulls(l.metadata || %(metadata)s::jsonb), l.metadata)
where l.id = %(id)s and l.deleted_at is null;

-- name: contactability :one
-- Whether a person may be contacted, and what the company itself knows against it. That somebody else's list covers them
-- shows in the answer, and nothing else of it.
select
  json_build_object(
    'lead_id', l.id,
    'contactable', not exists (
      select from outbound.suppressed_among(l.company_id, array_remove(array[l.email_key, l.linkedin_key], null)) as s
    ),
    'reasons', (
      select coalesce(json_agg(r.reason order by r.place), '[]'::json)
      from (
        select
          1 as place,
          json_build_object(
            'code', 'listed', 'suppression_id', s.id, 'kind', s.kind, 'value', s.value, 'source', s.source,
            'since', s.source_at, 'campaign_id', null
          ) as reason
        from outbound.suppressions as s
        where
          s.company_id = l.company_id and s.deleted_at is null
          and s.value_key = any(outbound.covering_keys(l.email_key, l.domain_key, l.linkedin_key))
          and (
            s.value_key in (l.email_key, l.domain_key, l.linkedin_key)
            or (s.kind = 'domain' and s.include_subdomains) or (s.kind = 'email' and s.include_tags)
          )
        union all
        select
          2,
          json_build_object(
            'code', case e.status when 'bounced' then 'bounced' when 'replied' then 'replied' else 'in_campaign' end,
            'suppression_id', null, 'kind', null, 'value', null, 'source', null,
            'since', coalesce(e.last_event_at, e.created_at), 'campaign_id', e.campaign_id
          )
        from outbound.campaign_leads as e
        where
          e.company_id = l.company_id and e.lead_id = l.id and e.deleted_at is null
          and e.status in ('bounced', 'replied', 'queued', 'active', 'paused')
      ) as r
    )
  )::text as body
from outbound.leads as l
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

-- name: custom_keys :one
-- The keys of all custom fields of the people of an export.
select coalesce(json_agg(k.key order by k.key), '[]'::json)::text as body
from (
  select distinct j.key
  from outbound.leads as l
  cross join lateral jsonb_object_keys(l.custom) as j (key)
  where
    l.deleted_at is null
    and (%(company_id)s::uuid is null or l.company_id = %(company_id)s::uuid)
    and (%(source)s::text is null or l.source = %(source)s::text)
) as k;

-- name: export_leads :one
-- The next people of an export, oldest first, and where it goes on.
select
  json_build_object(
    'rows', coalesce(json_agg(outbound.lead_document(p)), '[]'::json), 'last', max(p.id::text)
  )::text as body
from (
  select l.*
  from outbound.leads as l
  where
    l.deleted_at is null
    and (%(company_id)s::uuid is null or l.company_id = %(company_id)s::uuid)
    and (%(source)s::text is null or l.source = %(source)s::text)
    and l.id > coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000'::uuid)
  order by l.id
  limit 2000
) as p;

-- name: list_leads_by_source :one
-- A page of the people known from one source, newest first.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    l.id,
    outbound.lead_document(l) as document
  from outbound.leads as l
  where
    l.deleted_at is null
    and (%(company_id)s::uuid is null or l.company_id = %(company_id)s::uuid)
    and l.source = %(source)s::text
    and l.id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
  order by l.id desc
  limit %(page_size)s + 1
) as p;

-- name: search_leads :one
-- A page of the people of whom a name, the company or the address begins so, newest first. Each company is looked
-- through by itself, by ranges of its indexes; people are then read one by one, in order, until the page is full. In one
-- join the planner, who does not know how few begin so, would read the whole list in its order.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    l.id,
    outbound.lead_document(l) as document
  from (
    select
      k.org_id,
      n.id
    from outbound.companies as k
    cross join lateral (
      select a.id from outbound.leads as a
      where
        a.org_id = k.org_id and a.company_id = k.id and a.deleted_at is null
        and a.name_key >= %(name)s::text and a.name_key < %(name)s::text || U&'\+10FFFF'
      union
      select b.id from outbound.leads as b
      where
        b.org_id = k.org_id and b.company_id = k.id and b.deleted_at is null
        and b.surname_key >= %(name)s::text and b.surname_key < %(name)s::text || U&'\+10FFFF'
      union
      select c.id from outbound.leads as c
      where
        c.org_id = k.org_id and c.company_id = k.id and c.deleted_at is null
        and c.company_key >= %(name)s::text and c.company_key < %(name)s::text || U&'\+10FFFF'
      union
      select d.id from outbound.leads as d
      where
        d.org_id = k.org_id and d.company_id = k.id and d.deleted_at is null
        and d.email_key >= %(address)s::text and d.email_key < %(address)s::text || U&'\+10FFFF'
    ) as n
    where
      k.deleted_at is null
      and (%(company_id)s::uuid is null or k.id = %(company_id)s::uuid)
      and n.id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
    order by n.id desc
    offset 0
  ) as f
  cross join lateral (
    select e.*
    from outbound.leads as e
    where
      e.org_id = f.org_id and e.id = f.id and e.deleted_at is null
      and (%(email)s::text is null or e.email_key = %(email)s::text)
      and (%(domain)s::text is null or e.domain_key = %(domain)s::text)
      and (%(source)s::text is null or e.source = %(source)s::text)
    order by e.id
    offset 0
  ) as l
  order by f.id desc
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
    and l.domain_path = outbound.domain_path(%(domain)s::text)
    and (%(source)s::text is null or l.source = %(source)s::text)
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
    and l.email_key = %(email)s::text
    and (%(domain)s::text is null or l.domain_key = %(domain)s::text)
    and (%(source)s::text is null or l.source = %(source)s::text)
    and l.id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
  order by l.id desc
  limit %(page_size)s + 1
) as p;

-- name: unsubscribe :one
-- Puts a person on the company's list, by whatever they are known by; tells how many entries are new.
select outbound.unsubscribe(%(id)s) as written;

-- name: note_unsubscribed :exec
-- Writes that a person was unsubscribed, numbered as late as possible.
insert into outbound.events (company_id, sequence, type, lead_id, occurred_at)
select
  %(company_id)s,
  outbound.take_seq(%(company_id)s, 1) + 1,
  'lead.unsubscribed',
  %(id)s,
  now();
