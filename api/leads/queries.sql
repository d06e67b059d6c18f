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

-- name: wake :exec
-- Wakes the lanes of a company. Always the last statement.
select jobs.wake(%(company_id)s);

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
        and (%(before)s::uuid is null or e.id < %(before)s::uuid)
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

-- name: list_leads :one
-- A page of people, newest first; by address it is one at most per company.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    l.id,
    outbound.lead_document(l) as document
  from outbound.leads as l
  where
    l.deleted_at is null
    and (%(company_id)s::uuid is null or l.company_id = %(company_id)s::uuid)
    and (%(email)s::text is null or l.email_normalized = outbound.normalize_email(%(email)s::text))
    and (%(before)s::uuid is null or l.id < %(before)s::uuid)
  order by l.id desc
  limit %(page_size)s + 1
) as p;

-- name: doubt_leftovers :exec
-- What this lane was sending when it last ended may have arrived: ask before telling again.
update outbound.campaign_leads as e
set push_state = 'uncertain'
from outbound.connections as k, outbound.campaigns as c
where
  k.account_id = %(account_id)s and k.deleted_at is null
  and c.org_id = k.org_id and c.company_id = k.company_id and c.capability = k.capability
  and e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
  and e.push_state = 'sending' and e.deleted_at is null;

-- name: uncertain_leads :many
-- People of one campaign whose hand-over is in doubt for long enough to ask, and how long the youngest has to wait.
select
  e.id,
  e.company_id,
  e.campaign_id,
  e.push_attempt_id,
  e.push_reason,
  e.push_attempted_at,
  l.email_normalized as email,
  b.external_id,
  %(settle_after)s - extract(epoch from clock_timestamp() - e.push_attempted_at)::float8 as remaining
from outbound.connections as k
inner join outbound.campaign_bindings as b on k.company_id = b.company_id and k.id = b.connection_id
inner join outbound.campaign_leads as e
  on b.org_id = e.org_id and b.company_id = e.company_id and b.campaign_id = e.campaign_id
inner join outbound.leads as l
  on e.org_id = l.org_id and e.company_id = l.company_id and e.lead_id = l.id
where
  k.account_id = %(account_id)s and k.deleted_at is null
  and e.push_state = 'uncertain' and e.deleted_at is null
order by e.push_attempted_at, e.campaign_id, e.id
limit 1000;

-- name: claim_leads :many
-- Moves one batch of one ready campaign to `sending`, under an attempt id of this run. The trigger on this table turns
-- whoever must not be contacted into `suppressed`; only rows that come back as `sending` may be sent.
with ready as (
  select
    c.company_id,
    c.id,
    b.external_id
  from outbound.connections as k
  inner join outbound.campaign_bindings as b on k.company_id = b.company_id and k.id = b.connection_id
  inner join outbound.campaigns as c on b.company_id = c.company_id and b.campaign_id = c.id
  where
    k.account_id = %(account_id)s and k.status = 'connected' and k.deleted_at is null
    and c.status = 'active' and c.revision = c.synced_revision and c.sync_error is null and c.deleted_at is null
    and b.external_id is not null
    and exists (
      select from outbound.campaign_leads as e
      where
        e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
        and e.push_state = 'pending' and e.status = 'queued' and e.deleted_at is null
    )
  order by random()
  limit 1
),

due as (
  select
    e.org_id,
    e.id,
    e.lead_id,
    r.company_id,
    r.id as campaign_id,
    r.external_id
  from ready as r
  inner join outbound.campaign_leads as e on r.company_id = e.company_id and r.id = e.campaign_id
  where e.push_state = 'pending' and e.status = 'queued' and e.deleted_at is null
  order by e.id
  limit %(batch)s
  for update of e skip locked
)

update outbound.campaign_leads as e
set
  push_state = 'sending',
  push_attempt_id = %(attempt_id)s,
  push_attempts = e.push_attempts + 1,
  push_attempted_at = clock_timestamp(),
  push_reason = null
from due
inner join outbound.leads as l
  on due.org_id = l.org_id and due.company_id = l.company_id and due.lead_id = l.id
where e.org_id = due.org_id and e.id = due.id
returning
  e.id,
  e.company_id,
  due.campaign_id,
  e.push_state,
  due.external_id,
  l.email_normalized as email,
  l.first_name,
  l.last_name,
  l.company_name,
  l.custom;

-- name: record_results :exec
-- Writes what became of a batch, only where the attempt is still the row's own.
with given as (
  select
    r.id,
    r.outcome,
    r.reason,
    r.external_id,
    r.attempt_id
  from jsonb_to_recordset(%(results)s::jsonb) as r (
    id uuid, outcome text, reason text, external_id text, attempt_id uuid
  )
),

written as (
  update outbound.campaign_leads as e
  set
    push_state = given.outcome,
    push_reason = given.reason,
    pushed_at = case when given.outcome = 'pushed' then now() end,
    status = case
      when given.outcome = 'pushed' and e.status = 'queued' then 'active'
      else e.status
    end
  from given
  where
    e.company_id = %(company_id)s and e.id = given.id and e.push_attempt_id = given.attempt_id
    and e.push_state in ('sending', 'uncertain')
  returning e.company_id, e.id, given.external_id
)

insert into outbound.lead_bindings as b (company_id, campaign_lead_id, external_id)
select
  w.company_id,
  w.id,
  w.external_id
from written as w
where w.external_id is not null
on conflict (org_id, company_id, campaign_lead_id) do update set external_id = excluded.external_id;

-- name: leads_to_stop :many
-- People who must get nothing more in a campaign that already has them.
select
  e.id,
  e.company_id,
  e.stop_reason,
  b.external_id as campaign,
  lb.external_id as lead,
  l.email_normalized as email
from outbound.connections as k
inner join outbound.campaign_bindings as b on k.company_id = b.company_id and k.id = b.connection_id
inner join outbound.campaign_leads as e
  on b.org_id = e.org_id and b.company_id = e.company_id and b.campaign_id = e.campaign_id
inner join outbound.leads as l
  on e.org_id = l.org_id and e.company_id = l.company_id and e.lead_id = l.id
left join outbound.lead_bindings as lb
  on e.org_id = lb.org_id and e.company_id = lb.company_id and e.id = lb.campaign_lead_id
where
  k.account_id = %(account_id)s and k.status = 'connected' and k.deleted_at is null
  and b.external_id is not null
  and e.stop_state = 'due' and e.push_state = 'pushed' and e.deleted_at is null
order by e.id
limit 50;

-- name: stopped :exec
-- Notes how stopping a person ended.
update outbound.campaign_leads as e
set stop_state = %(stop_state)s
where e.company_id = %(company_id)s and e.id = %(id)s;

-- name: lose_campaign :exec
-- The campaign is gone at the provider; its people wait until somebody starts it again.
update outbound.campaigns as c
set sync_error = 'campaign_lost'
where c.id = %(campaign_id)s;
