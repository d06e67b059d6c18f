-- What dashboards read over PostgREST, and `/v1/stats` over REST: figures. Every view shows the caller's rows alone, without
-- what is deleted, and has no column that could name a provider. Days and months begin where the company is (`timezone`).

-- The two that all figures are made of; PostgREST does not show them. What changes no figure is left out, so that there is
-- no group in which nothing happened.

create or replace view outbound.hourly_activity with (security_invoker = true) as
select
  s.company_id,
  s.campaign_id,
  s.hour,
  s.step,
  s.sender_id,
  case when s.type = 'message.sent' then s.amount else 0 end as sent,
  case when s.type = 'message.opened' then s.amount else 0 end as opened,
  case when s.type = 'message.clicked' then s.amount else 0 end as clicked,
  case when s.type = 'message.replied' then s.amount else 0 end as replied,
  case when s.type = 'message.auto_replied' then s.amount else 0 end as auto_replied,
  case when s.type = 'message.bounced' then s.amount else 0 end as bounced,
  case when s.type = 'lead.unsubscribed' then s.amount else 0 end as unsubscribed,
  case when s.type = 'lead.interested' then s.amount else 0 end as interested,
  case when s.type = 'connection_request.sent' then s.amount else 0 end as connection_requests_sent,
  case when s.type = 'connection_request.accepted' then s.amount else 0 end as connection_requests_accepted
from outbound.stats_hourly as s
inner join outbound.campaigns as c on s.org_id = c.org_id and s.company_id = c.company_id and s.campaign_id = c.id
inner join outbound.companies as k on s.org_id = k.org_id and s.company_id = k.id
where c.deleted_at is null and k.deleted_at is null and s.type <> 'lead.labelled' and s.amount <> 0;
comment on view outbound.hourly_activity is
'What happened, by campaign, hour (UTC), step and sender. Several rows may have one key; they add up.';

create or replace view outbound.campaign_activity with (security_invoker = true) as
select
  t.company_id,
  t.campaign_id,
  t.step,
  case when t.type = 'message.sent' then t.amount else 0 end as sent,
  case when t.type = 'message.opened' then t.amount else 0 end as opened,
  case when t.type = 'message.clicked' then t.amount else 0 end as clicked,
  case when t.type = 'message.replied' then t.amount else 0 end as replied,
  case when t.type = 'message.auto_replied' then t.amount else 0 end as auto_replied,
  case when t.type = 'message.bounced' then t.amount else 0 end as bounced,
  case when t.type = 'lead.unsubscribed' then t.amount else 0 end as unsubscribed,
  case when t.type = 'lead.interested' then t.amount else 0 end as interested,
  case when t.type = 'connection_request.sent' then t.amount else 0 end as connection_requests_sent,
  case when t.type = 'connection_request.accepted' then t.amount else 0 end as connection_requests_accepted
from outbound.stats_totals as t
inner join outbound.campaigns as c on t.org_id = c.org_id and t.company_id = c.company_id and t.campaign_id = c.id
inner join outbound.companies as k on t.org_id = k.org_id and t.company_id = k.id
where c.deleted_at is null and k.deleted_at is null and t.type <> 'lead.labelled' and t.amount <> 0;
comment on view outbound.campaign_activity is
'What has happened in all, by campaign and step. Several rows may have one key; they add up.';

create or replace view dashboard.daily_activity with (security_invoker = true) as
select
  k.id as company_id,
  a.campaign_id,
  d.day::date as day,
  a.sent,
  a.opened,
  a.clicked,
  a.replied,
  a.auto_replied,
  a.bounced,
  a.unsubscribed,
  a.interested,
  a.connection_requests_sent,
  a.connection_requests_accepted
from outbound.companies as k
cross join lateral (
  select
    min(s.hour) as first_hour,
    max(s.hour) as last_hour
  from outbound.stats_hourly as s
  where s.org_id = k.org_id and s.company_id = k.id
) as h
cross join lateral generate_series(
  date_trunc('day', h.first_hour at time zone k.timezone), h.last_hour at time zone k.timezone, interval '1 day'
) as d (day)
-- Summed day by day: each is a range of hours, so that an index finds those of the days that are wanted. Where clocks are
-- set back over midnight, the hour after it comes twice and `at time zone` gives the second: the first is of the same day.
cross join lateral (
  select
    t.campaign_id,
    sum(t.sent)::bigint as sent,
    sum(t.opened)::bigint as opened,
    sum(t.clicked)::bigint as clicked,
    sum(t.replied)::bigint as replied,
    sum(t.auto_replied)::bigint as auto_replied,
    sum(t.bounced)::bigint as bounced,
    sum(t.unsubscribed)::bigint as unsubscribed,
    sum(t.interested)::bigint as interested,
    sum(t.connection_requests_sent)::bigint as connection_requests_sent,
    sum(t.connection_requests_accepted)::bigint as connection_requests_accepted
  from outbound.hourly_activity as t
  where
    t.company_id = k.id and t.hour >= d.day at time zone k.timezone - interval '1 hour'
    and t.hour < (d.day + interval '1 day') at time zone k.timezone
    and d.day = date_trunc('day', t.hour at time zone k.timezone)
  group by t.campaign_id
) as a
where k.deleted_at is null;
comment on view dashboard.daily_activity is
'What happened on each day, by campaign. A day begins where the company is; days on which nothing happened are left out.';

create or replace view dashboard.step_performance with (security_invoker = true) as
select
  a.company_id,
  a.campaign_id,
  a.step,
  sum(a.sent)::bigint as sent,
  sum(a.opened)::bigint as opened,
  sum(a.clicked)::bigint as clicked,
  sum(a.replied)::bigint as replied,
  sum(a.auto_replied)::bigint as auto_replied,
  sum(a.bounced)::bigint as bounced,
  sum(a.unsubscribed)::bigint as unsubscribed,
  sum(a.interested)::bigint as interested,
  sum(a.connection_requests_sent)::bigint as connection_requests_sent,
  sum(a.connection_requests_accepted)::bigint as connection_requests_accepted
from outbound.campaign_activity as a
group by a.company_id, a.campaign_id, a.step;
comment on view dashboard.step_performance is
'What has come of each step of a campaign. `step` is its position; null where nobody said which step it was.';

create or replace view dashboard.campaign_overview with (security_invoker = true) as
select
  c.company_id,
  c.id as campaign_id,
  c.name,
  c.capability,
  c.status,
  c.timezone,
  p.people,
  p.handed_over,
  coalesce(a.sent, 0) as sent,
  coalesce(a.opened, 0) as opened,
  coalesce(a.clicked, 0) as clicked,
  coalesce(a.replied, 0) as replied,
  coalesce(a.auto_replied, 0) as auto_replied,
  coalesce(a.bounced, 0) as bounced,
  coalesce(a.unsubscribed, 0) as unsubscribed,
  coalesce(a.interested, 0) as interested,
  coalesce(a.connection_requests_sent, 0) as connection_requests_sent,
  coalesce(a.connection_requests_accepted, 0) as connection_requests_accepted,
  c.started_at,
  c.created_at
from outbound.campaigns as c
inner join outbound.companies as k on c.org_id = k.org_id and c.company_id = k.id
cross join lateral (
  select
    coalesce(sum(n.amount), 0)::bigint as people,
    coalesce(sum(n.amount) filter (where n.push_state = 'pushed'), 0)::bigint as handed_over
  from outbound.campaign_lead_counts as n
  where n.org_id = c.org_id and n.company_id = c.company_id and n.campaign_id = c.id
) as p
left join (
  select
    a.company_id,
    a.campaign_id,
    sum(a.sent)::bigint as sent,
    sum(a.opened)::bigint as opened,
    sum(a.clicked)::bigint as clicked,
    sum(a.replied)::bigint as replied,
    sum(a.auto_replied)::bigint as auto_replied,
    sum(a.bounced)::bigint as bounced,
    sum(a.unsubscribed)::bigint as unsubscribed,
    sum(a.interested)::bigint as interested,
    sum(a.connection_requests_sent)::bigint as connection_requests_sent,
    sum(a.connection_requests_accepted)::bigint as connection_requests_accepted
  from outbound.campaign_activity as a
  group by a.company_id, a.campaign_id
) as a on c.company_id = a.company_id and c.id = a.campaign_id
where c.deleted_at is null and k.deleted_at is null;
comment on view dashboard.campaign_overview is
'Each campaign with its people and what has come of them. `handed_over` are the people who are at work in it.';

create or replace view dashboard.lead_funnel with (security_invoker = true) as
select
  n.company_id,
  n.campaign_id,
  sum(n.amount)::bigint as people,
  coalesce(sum(n.amount) filter (where n.push_state in ('pending', 'sending')), 0)::bigint as waiting,
  coalesce(sum(n.amount) filter (where n.push_state = 'uncertain'), 0)::bigint as uncertain,
  coalesce(sum(n.amount) filter (where n.push_state = 'failed'), 0)::bigint as failed,
  coalesce(sum(n.amount) filter (where n.push_state = 'suppressed'), 0)::bigint as do_not_contact,
  coalesce(sum(n.amount) filter (where n.push_state = 'pushed'), 0)::bigint as handed_over,
  coalesce(sum(n.amount) filter (where n.status = 'replied'), 0)::bigint as replied,
  coalesce(sum(n.amount) filter (where n.status = 'bounced'), 0)::bigint as bounced,
  coalesce(sum(n.amount) filter (where n.status = 'unsubscribed'), 0)::bigint as unsubscribed,
  coalesce(sum(n.amount) filter (where n.status = 'completed'), 0)::bigint as completed
from outbound.campaign_lead_counts as n
inner join outbound.campaigns as c on n.org_id = c.org_id and n.company_id = c.company_id and n.campaign_id = c.id
inner join outbound.companies as k on n.org_id = k.org_id and n.company_id = k.id
where c.deleted_at is null and k.deleted_at is null
group by n.company_id, n.campaign_id;
comment on view dashboard.lead_funnel is
'Where the people of each campaign stand now: how many wait, were handed over, replied, bounced, unsubscribed.';

create or replace view dashboard.company_rollup with (security_invoker = true) as
select
  k.id as company_id,
  k.name,
  k.status,
  c.campaigns,
  c.active_campaigns,
  p.people,
  p.handed_over,
  coalesce(a.sent, 0) as sent,
  coalesce(a.opened, 0) as opened,
  coalesce(a.clicked, 0) as clicked,
  coalesce(a.replied, 0) as replied,
  coalesce(a.auto_replied, 0) as auto_replied,
  coalesce(a.bounced, 0) as bounced,
  coalesce(a.unsubscribed, 0) as unsubscribed,
  coalesce(a.interested, 0) as interested,
  coalesce(a.connection_requests_sent, 0) as connection_requests_sent,
  coalesce(a.connection_requests_accepted, 0) as connection_requests_accepted,
  k.created_at
from outbound.companies as k
cross join lateral (
  select
    count(*) as campaigns,
    count(*) filter (where c.status = 'active') as active_campaigns
  from outbound.campaigns as c
  where c.org_id = k.org_id and c.company_id = k.id and c.deleted_at is null
) as c
cross join lateral (
  select
    coalesce(sum(o.people), 0)::bigint as people,
    coalesce(sum(o.handed_over), 0)::bigint as handed_over
  from dashboard.lead_funnel as o
  where o.company_id = k.id
) as p
left join (
  select
    a.company_id,
    sum(a.sent)::bigint as sent,
    sum(a.opened)::bigint as opened,
    sum(a.clicked)::bigint as clicked,
    sum(a.replied)::bigint as replied,
    sum(a.auto_replied)::bigint as auto_replied,
    sum(a.bounced)::bigint as bounced,
    sum(a.unsubscribed)::bigint as unsubscribed,
    sum(a.interested)::bigint as interested,
    sum(a.connection_requests_sent)::bigint as connection_requests_sent,
    sum(a.connection_requests_accepted)::bigint as connection_requests_accepted
  from outbound.campaign_activity as a
  group by a.company_id
) as a on k.id = a.company_id
where k.deleted_at is null;
comment on view dashboard.company_rollup is
'Each company of the organization with its campaigns, people and what has come of them. For the organization alone.';
