-- name: lock_lists :exec
-- One list of a company at a time: two at once would wait for each other's people.
select pg_advisory_xact_lock(hashtextextended('leads:' || %(company_id)s::text, 0));

-- name: judge :many
-- Tells of each row how the database spells its two addresses, and whether one of them must not be contacted.
with input as materialized (
  select
    r.place,
    outbound.normalize_email(r.email) as address,
    outbound.normalize_linkedin_url(r.linkedin_url) as profile
  from unnest(%(emails)s::text[], %(profiles)s::text[]) with ordinality as r (email, linkedin_url, place)
),

suppressed as materialized (
  select s.address
  from outbound.suppressed_among(
    %(company_id)s, (
      select array_agg(distinct a.address)
      from input as i
      cross join lateral unnest(array[i.address, i.profile]) as a (address)
      where a.address is not null
    )
  ) as s (address)
)

select
  i.address,
  i.profile,
  coalesce(i.address in (select s.address from suppressed as s), false)
  or coalesce(i.profile in (select s.address from suppressed as s), false) as is_suppressed
from input as i
order by i.place;

-- name: complete_known :many
-- Gives people whom the company knows by the campaign's other channel alone the address of this one, and what else the
-- list says of them. Returns who they are: `who` is what the campaign's channel knows people by.
with listed as materialized (
  select r.*
  from jsonb_to_recordset(%(leads)s::jsonb) as r (
    who text, other text, email text, linkedin_url text, first_name text, last_name text, company_name text, custom jsonb
  )
),

known as materialized (
  select
    l.id,
    case when %(by_profile)s then l.linkedin_normalized else l.email_normalized end as who,
    case when %(by_profile)s then l.email_normalized else l.linkedin_normalized end as other
  from outbound.leads as l
  where
    l.company_id = %(company_id)s and l.deleted_at is null
    and (l.email_normalized = any(%(addresses)s::text[]) or l.linkedin_normalized = any(%(profiles)s::text[]))
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
  linkedin_url = coalesce(l.linkedin_url, f.linkedin_url),
  first_name = coalesce(f.first_name, l.first_name),
  last_name = coalesce(f.last_name, l.last_name),
  company_name = coalesce(f.company_name, l.company_name),
  custom = l.custom || f.custom
from completed as f
where l.company_id = %(company_id)s and l.id = f.id and l.deleted_at is null
returning l.id, f.who;

-- name: add_by_email :many
-- Adds people by their email address, or completes those whom the company knows by it. A profile that another person
-- of the company has already is left out.
with listed as materialized (
  select
    r.*,
    case when l.id is null then r.linkedin_url end as free_url
  from jsonb_to_recordset(%(leads)s::jsonb) as r (
    who text, other text, email text, linkedin_url text, first_name text, last_name text, company_name text, custom jsonb
  )
  left join outbound.leads as l
    on r.other = l.linkedin_normalized and l.company_id = %(company_id)s and l.deleted_at is null
)

insert into outbound.leads as l (company_id, email, linkedin_url, first_name, last_name, company_name, custom)
select
  %(company_id)s,
  f.email,
  f.free_url,
  f.first_name,
  f.last_name,
  f.company_name,
  f.custom
from listed as f
order by f.who
on conflict (org_id, company_id, email_normalized) where deleted_at is null
do update set
linkedin_url = coalesce(l.linkedin_url, excluded.linkedin_url),
first_name = coalesce(excluded.first_name, l.first_name),
last_name = coalesce(excluded.last_name, l.last_name),
company_name = coalesce(excluded.company_name, l.company_name),
custom = l.custom || excluded.custom
returning l.id, l.email_normalized as who;

-- name: add_by_profile :many
-- The same by LinkedIn profile. An email address that another person of the company has already is left out.
with listed as materialized (
  select
    r.*,
    case when l.id is null then r.email end as free_email
  from jsonb_to_recordset(%(leads)s::jsonb) as r (
    who text, other text, email text, linkedin_url text, first_name text, last_name text, company_name text, custom jsonb
  )
  left join outbound.leads as l
    on r.other = l.email_normalized and l.company_id = %(company_id)s and l.deleted_at is null
)

insert into outbound.leads as l (company_id, email, linkedin_url, first_name, last_name, company_name, custom)
select
  %(company_id)s,
  f.free_email,
  f.linkedin_url,
  f.first_name,
  f.last_name,
  f.company_name,
  f.custom
from listed as f
order by f.who
on conflict (org_id, company_id, linkedin_normalized) where deleted_at is null
do update set
email = coalesce(l.email, excluded.email),
first_name = coalesce(excluded.first_name, l.first_name),
last_name = coalesce(excluded.last_name, l.last_name),
company_name = coalesce(excluded.company_name, l.company_name),
custom = l.custom || excluded.custom
returning l.id, l.linkedin_normalized as who;

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
