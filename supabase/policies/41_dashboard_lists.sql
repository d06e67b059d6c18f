-- What dashboards read over PostgREST beside figures: senders, answers, lists, what a company may use and has used; and who
-- reads which columns.

create or replace view dashboard.sender_health with (security_invoker = true) as
select
  s.company_id,
  s.id as sender_id,
  s.capability,
  s.address,
  s.display_name,
  s.status,
  s.warmup_status,
  s.health ->> 'problem' as problem,
  s.health -> 'warmup_score' as warmup_score,
  s.health -> 'sent_today' as sent_today,
  s.daily_limit,
  a.sent as sent_in_30_days,
  a.replied as replied_in_30_days,
  a.bounced as bounced_in_30_days,
  a.connection_requests_sent as connection_requests_sent_in_30_days,
  a.connection_requests_accepted as connection_requests_accepted_in_30_days
from outbound.senders as s
inner join outbound.companies as k on s.org_id = k.org_id and s.company_id = k.id
left join (
  select
    a.company_id,
    a.sender_id,
    sum(a.sent)::bigint as sent,
    sum(a.replied)::bigint as replied,
    sum(a.bounced)::bigint as bounced,
    sum(a.connection_requests_sent)::bigint as connection_requests_sent,
    sum(a.connection_requests_accepted)::bigint as connection_requests_accepted
  from outbound.hourly_activity as a
  where a.hour >= now() - interval '30 days'
  group by a.company_id, a.sender_id
) as a on s.company_id = a.company_id and s.id = a.sender_id
where s.deleted_at is null and k.deleted_at is null;
comment on view dashboard.sender_health is
'Each mailbox and LinkedIn seat: whether it can send, how warm it is, and what it sent in the last 30 days.';

create or replace view dashboard.reply_feed with (security_invoker = true) as
select
  m.company_id,
  m.id as message_id,
  m.conversation_id,
  v.campaign_id,
  c.name as campaign_name,
  v.lead_id,
  l.first_name,
  l.last_name,
  l.company_name,
  l.email,
  l.linkedin_url,
  m.subject,
  m.text,
  v.read,
  m.sent_at as received_at
from outbound.messages as m
inner join outbound.conversations as v
  on m.org_id = v.org_id and m.company_id = v.company_id and m.conversation_id = v.id
inner join outbound.campaigns as c on v.org_id = c.org_id and v.company_id = c.company_id and v.campaign_id = c.id
inner join outbound.leads as l on v.org_id = l.org_id and v.company_id = l.company_id and v.lead_id = l.id
inner join outbound.companies as k on m.org_id = k.org_id and m.company_id = k.id
where
  m.direction = 'incoming' and m.deleted_at is null and v.deleted_at is null and c.deleted_at is null
  and l.deleted_at is null and k.deleted_at is null
  and (select ctx.dashboard_may('conversations:read'));
comment on view dashboard.reply_feed is
'What people answered. Empty for a credential without the permission `conversations:read`.';

create or replace view dashboard.entitlement_status with (security_invoker = true) as
select
  e.company_id,
  e.capability,
  b.title,
  e.status,
  c.active_campaigns,
  s.active_senders,
  e.updated_at
from outbound.entitlements as e
inner join outbound.companies as k on e.org_id = k.org_id and e.company_id = k.id
inner join outbound.capabilities as b on e.capability = b.key
cross join lateral (
  select count(*) as active_campaigns
  from outbound.campaigns as c
  where
    c.org_id = e.org_id and c.company_id = e.company_id and c.capability = e.capability
    and c.status = 'active' and c.deleted_at is null
) as c
cross join lateral (
  select count(*) as active_senders
  from outbound.senders as s
  where
    s.org_id = e.org_id and s.company_id = e.company_id and s.capability = e.capability
    and s.status = 'active' and s.deleted_at is null
) as s
where e.deleted_at is null and k.deleted_at is null;
comment on view dashboard.entitlement_status is
'What each company may use and whether it is connected.';

create or replace view dashboard.suppression_summary with (security_invoker = true) as
select
  s.company_id,
  s.kind,
  s.source,
  count(*) as entries,
  max(s.source_at) as latest_at
from outbound.suppressions as s
left join outbound.companies as k on s.org_id = k.org_id and s.company_id = k.id
where s.deleted_at is null and (s.company_id is null or k.deleted_at is null and k.id is not null)
group by s.company_id, s.kind, s.source;
comment on view dashboard.suppression_summary is
'How many people, domains and profiles are on do-not-contact lists, by where they came from. `company_id` is null for the
organization''s own list, which companies do not see.';

create or replace view dashboard.usage with (security_invoker = true) as
select
  k.id as company_id,
  m.month::date as month,
  p.people_handed_over,
  u.messages,
  u.connection_requests,
  u.active_senders
from outbound.companies as k
cross join lateral (
  select
    min(s.hour) as first_hour,
    max(s.hour) as last_hour
  from outbound.stats_hourly as s
  where s.org_id = k.org_id and s.company_id = k.id
) as a
cross join lateral (
  select
    min(n.hour) as first_hour,
    max(n.hour) as last_hour
  from outbound.handover_counts as n
  where n.org_id = k.org_id and n.company_id = k.id
) as b
cross join lateral generate_series(
  date_trunc('month', least(a.first_hour, b.first_hour) at time zone k.timezone),
  greatest(a.last_hour, b.last_hour) at time zone k.timezone, interval '1 month'
) as m (month)
cross join lateral (
  select
    coalesce(sum(t.amount) filter (where t.type = 'message.sent'), 0)::bigint as messages,
    coalesce(sum(t.amount) filter (where t.type = 'connection_request.sent'), 0)::bigint as connection_requests,
    count(distinct t.sender_id) as active_senders
  from outbound.stats_hourly as t
  where
    t.org_id = k.org_id and t.company_id = k.id and t.hour >= m.month at time zone k.timezone - interval '1 hour'
    and t.hour < (m.month + interval '1 month') at time zone k.timezone
    and m.month = date_trunc('month', t.hour at time zone k.timezone)
    and t.type in ('message.sent', 'connection_request.sent')
) as u
cross join lateral (
  select coalesce(sum(o.amount), 0)::bigint as people_handed_over
  from outbound.handover_counts as o
  where
    o.org_id = k.org_id and o.company_id = k.id and o.hour >= m.month at time zone k.timezone - interval '1 hour'
    and o.hour < (m.month + interval '1 month') at time zone k.timezone
    and m.month = date_trunc('month', o.hour at time zone k.timezone)
) as p
where k.deleted_at is null;
comment on view dashboard.usage is
'What each company has used in each month: people handed over, messages, connection requests, senders that sent something.
Campaigns that have been deleted since are counted too.';

grant select on
dashboard.daily_activity, dashboard.step_performance, dashboard.campaign_overview, dashboard.lead_funnel, dashboard.usage,
dashboard.sender_health, dashboard.reply_feed, dashboard.entitlement_status, dashboard.suppression_summary
to dashboard_org, dashboard_company;
grant select on dashboard.company_rollup to dashboard_org;

-- What these are made of, and `/v1/stats` with them: PostgREST does not show it.
grant select on outbound.hourly_activity, outbound.campaign_activity
to outbound_org, outbound_company, dashboard_org, dashboard_company;

-- Views act with their reader's rights, so these are the columns that dashboards could ever show.
grant select (org_id, id, name, status, timezone, created_at, deleted_at) on outbound.companies
to dashboard_org, dashboard_company;
grant select (
  org_id, company_id, id, name, capability, status, timezone, started_at, created_at, deleted_at
) on outbound.campaigns to dashboard_org, dashboard_company;
grant select (org_id, company_id, campaign_id, hour, type, step, sender_id, amount) on outbound.stats_hourly
to dashboard_org, dashboard_company;
grant select (org_id, company_id, campaign_id, type, step, amount) on outbound.stats_totals
to dashboard_org, dashboard_company;
grant select (org_id, company_id, campaign_id, status, push_state, amount) on outbound.campaign_lead_counts
to dashboard_org, dashboard_company;
grant select (org_id, company_id, hour, amount) on outbound.handover_counts to dashboard_org, dashboard_company;
grant select (
  org_id, company_id, id, capability, address, display_name, daily_limit, health, status, warmup_status, deleted_at
) on outbound.senders to dashboard_org, dashboard_company;
grant select (
  org_id, company_id, id, conversation_id, direction, subject, text, sent_at, deleted_at
) on outbound.messages to dashboard_org, dashboard_company;
grant select (org_id, company_id, id, campaign_id, lead_id, read, deleted_at) on outbound.conversations
to dashboard_org, dashboard_company;
grant select (
  org_id, company_id, id, email, linkedin_url, first_name, last_name, company_name, deleted_at
) on outbound.leads to dashboard_org, dashboard_company;
grant select (org_id, company_id, capability, status, updated_at, deleted_at) on outbound.entitlements
to dashboard_org, dashboard_company;
grant select (org_id, company_id, kind, source, source_at, deleted_at) on outbound.suppressions
to dashboard_org, dashboard_company;
grant select (key, title) on outbound.capabilities to dashboard_org, dashboard_company;
