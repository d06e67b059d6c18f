-- name: recover_pushes :exec
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
  b.external_id,
  case k.capability when 'linkedin_outreach' then l.linkedin_key else l.email_key end as address,
  extract(
    epoch from greatest(e.push_attempted_at + make_interval(secs => %(settle_after)s), e.push_ask_after)
    - clock_timestamp()
  )::float8 as remaining
from outbound.connections as k
inner join outbound.campaign_bindings as b on k.company_id = b.company_id and k.id = b.connection_id
inner join outbound.campaign_leads as e
  on b.org_id = e.org_id and b.company_id = e.company_id and b.campaign_id = e.campaign_id
inner join outbound.leads as l
  on e.org_id = l.org_id and e.company_id = l.company_id and e.lead_id = l.id
where
  k.account_id = %(account_id)s and k.deleted_at is null
  and e.push_state = 'uncertain' and e.deleted_at is null
order by remaining, e.campaign_id, e.id
limit 1000;

-- name: claim_leads :many
-- Moves one batch of one ready campaign to `sending`, under an attempt id of this run. The trigger on this table turns
-- whoever must not be contacted into `suppressed`; only rows that come back as `sending` may be sent.
-- Whose turn it is is drawn: of the companies that share the account each as often as its weight says, however many
-- campaigns it has.
with candidates as (
  select distinct on (k.id)
    k.weight,
    c.company_id,
    c.id,
    c.capability,
    b.external_id
  from outbound.connections as k
  inner join outbound.campaign_bindings as b on k.company_id = b.company_id and k.id = b.connection_id
  inner join outbound.campaigns as c on b.company_id = c.company_id and b.campaign_id = c.id
  where
    k.account_id = %(account_id)s and k.status = 'connected' and k.closing_at is null and k.deleted_at is null
    and c.status = 'active' and c.revision = c.synced_revision and c.sync_error is null and c.deleted_at is null
    and b.external_id is not null and (not %(running_only)s or b.remote_status = 'active')
    and exists (
      select from outbound.campaign_leads as e
      where
        e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
        and e.push_state = 'pending' and e.status = 'queued' and e.deleted_at is null
      order by e.id
      offset 0
    )
  order by k.id, random()
),

-- Weighted random sampling (Efraimidis and Spirakis): each company draws an exponential key at a rate of its weight, and
-- the smallest key wins. The first to arrive, where each arrives as often as its weight says.
ready as (
  select d.*
  from candidates as d
  order by -ln(1 - random()) / d.weight
  limit 1
),

due as (
  select
    e.org_id,
    e.id,
    e.lead_id,
    r.company_id,
    r.id as campaign_id,
    r.capability,
    r.external_id
  from ready as r
  cross join lateral (
    select
      x.org_id,
      x.id,
      x.lead_id
    from outbound.campaign_leads as x
    where
      x.company_id = r.company_id and x.campaign_id = r.id
      and x.push_state = 'pending' and x.status = 'queued' and x.deleted_at is null
    order by x.id
    limit %(batch)s
    for update of x skip locked
  ) as e
)

update outbound.campaign_leads as e
set
  push_state = 'sending',
  push_attempt_id = %(attempt_id)s,
  push_attempts = e.push_attempts + 1,
  push_attempted_at = clock_timestamp(),
  push_ask_after = null,
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
  case due.capability when 'linkedin_outreach' then l.linkedin_key else l.email_key end as address,
  l.email_key as email,
  l.first_name,
  l.last_name,
  l.company_name,
  l.custom;

-- name: steps :many
-- What a campaign says, in order.
select outbound.step_document(s) as step
from outbound.sequence_steps as s
where s.company_id = %(company_id)s and s.campaign_id = %(campaign_id)s and s.deleted_at is null
order by s.position;

-- name: record_result :exec
-- Writes what became of a person, only where the attempt is still the row's own.
with written as (
  update outbound.campaign_leads as e
  set
    -- Who was stopped meanwhile, and is known not to be there, is not handed over any more.
    push_state = case
      when %(outcome)s::text = 'pending' and e.status not in ('queued', 'paused') then 'suppressed' else %(outcome)s::text
    end,
    push_reason = case
      when %(outcome)s::text = 'pending' and e.status not in ('queued', 'paused') then coalesce(e.stop_reason, 'stopped')
      else %(reason)s::text
    end,
    -- Asked about and not shown by a provider whose lists lag: asked again after as long as it has been, so twice as late.
    push_ask_after = case
      when %(outcome)s::text = 'uncertain' and e.push_state = 'uncertain'
        then clock_timestamp() + (clock_timestamp() - e.push_attempted_at)
    end,
    pushed_at = case when %(outcome)s::text = 'pushed' then now() end,
    stop_state = case when %(outcome)s::text in ('pushed', 'uncertain') then e.stop_state end,
    pause_state = case when %(outcome)s::text in ('pushed', 'uncertain') then e.pause_state end,
    stop_reason = case when %(outcome)s::text in ('pushed', 'uncertain') then e.stop_reason end,
    status = case
      when %(outcome)s::text = 'pushed' and e.status = 'queued' then 'active'
      else e.status
    end
  where
    e.company_id = %(company_id)s and e.id = %(id)s and e.push_attempt_id = %(attempt_id)s
    and e.push_state in ('sending', 'uncertain')
  returning e.company_id, e.id
)

insert into outbound.lead_bindings as b (company_id, campaign_lead_id, external_id)
select
  w.company_id,
  w.id,
  %(external_id)s::text
from written as w
where %(external_id)s::text is not null
on conflict (org_id, company_id, campaign_lead_id) do update set external_id = excluded.external_id;

-- name: leads_to_stop :many
-- People who must get nothing more in a campaign that already has them.
select
  e.id,
  e.company_id,
  e.stop_reason,
  b.external_id as campaign,
  lb.external_id as lead,
  case k.capability when 'linkedin_outreach' then l.linkedin_key else l.email_key end as address
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

-- name: leads_to_pause :many
-- People whom the provider must be told to let rest, or to go on with.
select
  e.id,
  e.company_id,
  e.pause_state,
  b.external_id as campaign,
  lb.external_id as lead,
  case k.capability when 'linkedin_outreach' then l.linkedin_key else l.email_key end as address
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
  and e.pause_state in ('pause', 'resume') and e.push_state = 'pushed' and e.stop_state is null
  and e.deleted_at is null
order by e.id
limit 50;

-- name: paused :exec
-- Notes that the provider was told, unless somebody has changed their mind meanwhile.
update outbound.campaign_leads as e
set pause_state = case %(pause_state)s when 'pause' then 'paused' end
where e.company_id = %(company_id)s and e.id = %(id)s and e.pause_state = %(pause_state)s;

-- name: end_rests :exec
-- Has those go on whose absence is over.
update outbound.campaign_leads as e
set
  status = case when e.push_state = 'pushed' then 'active' else 'queued' end,
  rests_until = null,
  pause_state = case when e.pause_state is not null then 'resume' end
from outbound.connections as k
inner join outbound.campaigns as c
  on k.org_id = c.org_id and k.company_id = c.company_id and k.capability = c.capability
where
  k.account_id = %(account_id)s and k.status = 'connected' and k.deleted_at is null
  and e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
  and e.rests_until <= (now() at time zone 'UTC')::date and e.status = 'paused' and e.deleted_at is null;
