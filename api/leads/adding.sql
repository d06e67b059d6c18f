-- name: prepare :exec
-- One list of a company at a time: two at once would wait for each other's people. And no nested loops: the planner
-- takes the lists inside the statement for single rows.
select
  set_config('enable_nestloop', 'off', true),
  pg_advisory_xact_lock(hashtextextended('leads:' || %(company_id)s::text, 0));

-- name: add_leads :one
-- Judges every row, adds the people who are new to the campaign, and tells what became of each row. `who` is what the
-- campaign's channel knows people by. Whoever is known by the other address is given this one; an address that somebody
-- else has already is left out.
with input as materialized (
  select
    r.index,
    r.email,
    r.linkedin_url,
    r.first_name,
    r.last_name,
    r.company_name,
    coalesce(r.custom, '{}'::jsonb) as custom,
    n.address,
    n.profile,
    coalesce(
      r.reason,
      case when %(by_profile)s and n.profile is null then 'missing_linkedin_url' end,
      case when not %(by_profile)s and n.address is null then 'missing_email' end
    ) as reason,
    case when r.reason is null and %(by_profile)s then n.profile when r.reason is null then n.address end as who,
    case when %(by_profile)s then n.address else n.profile end as other
  from jsonb_to_recordset(%(rows)s::jsonb) as r (
    index integer, email text, linkedin_url text, first_name text, last_name text, company_name text, custom jsonb,
    reason text
  )
  cross join lateral (
    select
      outbound.normalize_email(r.email) as address,
      outbound.normalize_linkedin_url(r.linkedin_url) as profile
  ) as n
),

suppressed as materialized (
  select s.address
  from outbound.suppressed_among(
    %(company_id)s, (
      select array_agg(distinct a.address)
      from input as i
      cross join lateral unnest(array[i.address, i.profile]) as a (address)
      where i.who is not null and a.address is not null
    )
  ) as s (address)
),

judged_first as materialized (
  select
    i.*,
    i.who in (select s.address from suppressed as s)
    or coalesce(i.other in (select s.address from suppressed as s), false) as is_suppressed
  from input as i
),

firsts as materialized (
  select
    d.*,
    row_number() over (partition by d.other order by d.index) as turn
  from (
    select distinct on (j.who) j.*
    from judged_first as j
    where j.who is not null and not j.is_suppressed
    order by j.who, j.index
  ) as d
),

holders as materialized (
  select
    l.id,
    case when %(by_profile)s then l.linkedin_normalized else l.email_normalized end as who,
    case when %(by_profile)s then l.email_normalized else l.linkedin_normalized end as other
  from outbound.leads as l
  where
    l.company_id = %(company_id)s and l.deleted_at is null
    and (
      l.email_normalized = any((select array_agg(f.address) from firsts as f)::text[])
      or l.linkedin_normalized = any((select array_agg(f.profile) from firsts as f)::text[])
    )
),

adopted as (
  update outbound.leads as l
  set
    email = coalesce(l.email, f.email),
    linkedin_url = coalesce(l.linkedin_url, f.linkedin_url),
    first_name = coalesce(f.first_name, l.first_name),
    last_name = coalesce(f.last_name, l.last_name),
    company_name = coalesce(f.company_name, l.company_name),
    custom = l.custom || f.custom
  from firsts as f
  inner join holders as h on f.other = h.other
  where
    l.company_id = %(company_id)s and l.id = h.id and l.deleted_at is null and f.turn = 1
    and h.who is null and not exists (select from holders as o
where o.who = f.who)
  returning l.id, f.who
),

fresh as materialized (
  select
    f.who,
    f.first_name,
    f.last_name,
    f.company_name,
    f.custom,
    case when not %(by_profile)s or (f.turn = 1 and o.id is null) then f.email end as email,
    case when %(by_profile)s or (f.turn = 1 and o.id is null) then f.linkedin_url end as linkedin_url
  from firsts as f
  left join holders as o on f.other = o.other
  where f.who not in (select a.who from adopted as a)
  order by f.who
),

by_email as (
  insert into outbound.leads as l (company_id, email, linkedin_url, first_name, last_name, company_name, custom)
  select
    %(company_id)s,
    f.email,
    f.linkedin_url,
    f.first_name,
    f.last_name,
    f.company_name,
    f.custom
  from fresh as f
  where not %(by_profile)s
  on conflict (org_id, company_id, email_normalized) where deleted_at is null
  do update set
  linkedin_url = coalesce(l.linkedin_url, excluded.linkedin_url),
  first_name = coalesce(excluded.first_name, l.first_name),
  last_name = coalesce(excluded.last_name, l.last_name),
  company_name = coalesce(excluded.company_name, l.company_name),
  custom = l.custom || excluded.custom
  returning l.id, l.email_normalized as who
),

by_profile as (
  insert into outbound.leads as l (company_id, email, linkedin_url, first_name, last_name, company_name, custom)
  select
    %(company_id)s,
    f.email,
    f.linkedin_url,
    f.first_name,
    f.last_name,
    f.company_name,
    f.custom
  from fresh as f
  where %(by_profile)s
  on conflict (org_id, company_id, linkedin_normalized) where deleted_at is null
  do update set
  email = coalesce(l.email, excluded.email),
  first_name = coalesce(excluded.first_name, l.first_name),
  last_name = coalesce(excluded.last_name, l.last_name),
  company_name = coalesce(excluded.company_name, l.company_name),
  custom = l.custom || excluded.custom
  returning l.id, l.linkedin_normalized as who
),

known as (
  select
    a.id,
    a.who
  from adopted as a
  union all
  select
    e.id,
    e.who
  from by_email as e
  union all
  select
    p.id,
    p.who
  from by_profile as p
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
    i.linkedin_url,
    i.reason,
    k.id as lead_id,
    case
      when i.who is null then 'invalid'
      when i.is_suppressed then 'suppressed'
      when f.index = i.index and e.lead_id is not null then 'added'
      else 'duplicate'
    end as result
  from judged_first as i
  left join firsts as f on i.who = f.who
  left join known as k on i.who = k.who
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
          'index', j.index, 'email', j.email, 'linkedin_url', j.linkedin_url, 'result', j.result,
          'lead_id', j.lead_id, 'reason', j.reason
        )
        order by j.index
      ),
      '[]'::json
    )
  )::text as body
from judged as j;
