-- name: lock_lists :exec
-- One list of a company at a time: two at once would wait for each other's people.
select pg_advisory_xact_lock(hashtextextended('leads:' || %(company_id)s::text, 0));

-- name: suppressed :many
-- Which of these keys must not be contacted.
select s.key
from outbound.suppressed_among(%(company_id)s, %(keys)s::text[]) as s (key);

-- name: complete_known :many
-- Gives people whom the company knows by the campaign's other channel alone the address of this one, and what else the
-- list says of them; where a person is known from stays. Returns who they are: `who` is what the campaign's channel
-- knows people by, `other` what the other one does.
with listed as materialized (
  select
    r.*,
    case when %(by_profile)s then r.linkedin_key else r.email_key end as who,
    case when %(by_profile)s then r.email_key else r.linkedin_key end as other
  from jsonb_to_recordset(%(leads)s::jsonb) as r (
    email text, email_key text, domain_key text, linkedin_url text, linkedin_key text, first_name text, last_name text,
    company_name text, first_key text, last_key text, company_key text, custom jsonb, source text,
    source_at timestamptz
  )
),

known as materialized (
  select
    l.id,
    case when %(by_profile)s then l.linkedin_key else l.email_key end as who,
    case when %(by_profile)s then l.email_key else l.linkedin_key end as other
  from outbound.leads as l
  where
    l.company_id = %(company_id)s and l.deleted_at is null
    and (l.email_key = any(%(addresses)s::text[]) or l.linkedin_key = any(%(profiles)s::text[]))
),

completed as (
  select
    f.*,
    k.id
  from listed as f
  inner join known as k on f.other = k.other
  left join known as taken on f.who = taken.who
  where k.who is null and taken.id is null
)

update outbound.leads as l
set
  email = coalesce(l.email, f.email),
  email_key = coalesce(l.email_key, f.email_key),
  domain_key = coalesce(l.domain_key, f.domain_key),
  linkedin_url = coalesce(l.linkedin_url, f.linkedin_url),
  linkedin_key = coalesce(l.linkedin_key, f.linkedin_key),
  first_name = coalesce(f.first_name, l.first_name),
  last_name = coalesce(f.last_name, l.last_name),
  company_name = coalesce(f.company_name, l.company_name),
  first_key = coalesce(f.first_key, l.first_key),
  last_key = coalesce(f.last_key, l.last_key),
  company_key = coalesce(f.company_key, l.company_key),
  custom = l.custom || f.custom,
  source = coalesce(l.source, f.source),
  source_at = case when l.source is null then coalesce(l.source_at, f.source_at) else l.source_at end
from completed as f
where l.company_id = %(company_id)s and l.id = f.id and l.deleted_at is null
returning
  l.id,
  f.who,
  case when %(by_profile)s then l.email_key else l.linkedin_key end as other;

-- name: add_by_email :many
-- Adds people by their email address, or completes those whom the company knows by it. A profile that another person
-- of the company has already is left out.
with listed as materialized (
  select
    r.*,
    case when l.id is null then r.linkedin_url end as free_url,
    case when l.id is null then r.linkedin_key end as free_key
  from jsonb_to_recordset(%(leads)s::jsonb) as r (
    email text, email_key text, domain_key text, linkedin_url text, linkedin_key text, first_name text, last_name text,
    company_name text, first_key text, last_key text, company_key text, custom jsonb, source text,
    source_at timestamptz
  )
  left join outbound.leads as l
    on r.linkedin_key = l.linkedin_key and l.company_id = %(company_id)s and l.deleted_at is null
)

insert into outbound.leads as l (
  company_id, email, email_key, domain_key, linkedin_url, linkedin_key, first_name, last_name, company_name,
  first_key, last_key, company_key, custom, source, source_at
)
select
  %(company_id)s,
  f.email,
  f.email_key,
  f.domain_key,
  f.free_url,
  f.free_key,
  f.first_name,
  f.last_name,
  f.company_name,
  f.first_key,
  f.last_key,
  f.company_key,
  f.custom,
  f.source,
  f.source_at
from listed as f
order by f.email_key
on conflict (org_id, company_id, email_key) where deleted_at is null
do update set
linkedin_url = coalesce(l.linkedin_url, excluded.linkedin_url),
linkedin_key = coalesce(l.linkedin_key, excluded.linkedin_key),
first_name = coalesce(excluded.first_name, l.first_name),
last_name = coalesce(excluded.last_name, l.last_name),
company_name = coalesce(excluded.company_name, l.company_name),
first_key = coalesce(excluded.first_key, l.first_key),
last_key = coalesce(excluded.last_key, l.last_key),
company_key = coalesce(excluded.company_key, l.company_key),
custom = l.custom || excluded.custom,
source = coalesce(l.source, excluded.source),
source_at = case when l.source is null then coalesce(l.source_at, excluded.source_at) else l.source_at end
returning l.id, l.email_key as who, l.linkedin_key as other;

-- name: add_by_profile :many
-- The same by LinkedIn profile. An email address that another person of the company has already is left out.
with listed as materialized (
  select
    r.*,
    case when l.id is null then r.email end as free_email,
    case when l.id is null then r.email_key end as free_key,
    case when l.id is null then r.domain_key end as free_domain
  from jsonb_to_recordset(%(leads)s::jsonb) as r (
    email text, email_key text, domain_key text, linkedin_url text, linkedin_key text, first_name text, last_name text,
    company_name text, first_key text, last_key text, company_key text, custom jsonb, source text,
    source_at timestamptz
  )
  left join outbound.leads as l
    on r.email_key = l.email_key and l.company_id = %(company_id)s and l.deleted_at is null
)

insert into outbound.leads as l (
  company_id, email, email_key, domain_key, linkedin_url, linkedin_key, first_name, last_name, company_name,
  first_key, last_key, company_key, custom, source, source_at
)
select
  %(company_id)s,
  f.free_email,
  f.free_key,
  f.free_domain,
  f.linkedin_url,
  f.linkedin_key,
  f.first_name,
  f.last_name,
  f.company_name,
  f.first_key,
  f.last_key,
  f.company_key,
  f.custom,
  f.source,
  f.source_at
from listed as f
order by f.linkedin_key
on conflict (org_id, company_id, linkedin_key) where deleted_at is null
do update set
email = coalesce(l.email, excluded.email),
email_key = coalesce(l.email_key, excluded.email_key),
domain_key = coalesce(l.domain_key, excluded.domain_key),
first_name = coalesce(excluded.first_name, l.first_name),
last_name = coalesce(excluded.last_name, l.last_name),
company_name = coalesce(excluded.company_name, l.company_name),
first_key = coalesce(excluded.first_key, l.first_key),
last_key = coalesce(excluded.last_key, l.last_key),
company_key = coalesce(excluded.company_key, l.company_key),
custom = l.custom || excluded.custom,
source = coalesce(l.source, excluded.source),
source_at = case when l.source is null then coalesce(l.source_at, excluded.source_at) else l.source_at end
returning l.id, l.linkedin_key as who, l.email_key as other;

-- name: find_people :many
-- The people whom a campaign's channel knows by these keys.
select
  l.id,
  l.email_key as who
from outbound.leads as l
where l.company_id = %(company_id)s and l.deleted_at is null and not %(by_profile)s and l.email_key = any(%(keys)s::text[])
union all
select
  l.id,
  l.linkedin_key
from outbound.leads as l
where l.company_id = %(company_id)s and l.deleted_at is null and %(by_profile)s and l.linkedin_key = any(%(keys)s::text[]);

-- name: left_out :many
-- Who of these people is not to be added now, and why: another campaign still writes to them, or one has written lately.
with asked as (
  select k.id
  from unnest(%(lead_ids)s::uuid[]) as k (id)
  where not exists (
    select from outbound.campaign_leads as e
    where
      e.company_id = %(company_id)s and e.campaign_id = %(campaign_id)s and e.lead_id = k.id and e.deleted_at is null
  )
),

elsewhere as (
  select
    a.id,
    bool_or(
      %(skip_if_in_other_campaign)s and e.status in ('queued', 'active', 'paused')
      and e.push_state not in ('failed', 'suppressed') and c.status not in ('completed', 'archived')
    ) as is_in_other,
    bool_or(greatest(e.pushed_at, e.last_event_at) > now() - make_interval(days => %(rest_days)s)) as is_resting
  from asked as a
  inner join outbound.campaign_leads as e
    on a.id = e.lead_id and e.company_id = %(company_id)s and e.campaign_id <> %(campaign_id)s and e.deleted_at is null
  inner join outbound.campaigns as c
    on e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id and c.deleted_at is null
  group by a.id
)

select
  o.id as lead_id,
  case when o.is_in_other then 'in_other_campaign' else 'contacted_recently' end as reason
from elsewhere as o
where o.is_in_other or o.is_resting;

-- name: enrol :many
-- Puts people into the campaign and returns those who were not in it.
insert into outbound.campaign_leads as e (company_id, campaign_id, lead_id)
select
  %(company_id)s,
  %(campaign_id)s,
  k.id
from unnest(%(lead_ids)s::uuid[]) as k (id)
order by k.id
on conflict (org_id, company_id, campaign_id, lead_id) where deleted_at is null do nothing
returning e.lead_id;
