-- name: campaigns :exec
-- A company's campaigns.
insert into outbound.campaigns (org_id, company_id, name, capability, status)
select
  %(org)s,
  %(company)s,
  'Dashboard ' || n,
  'email_outreach',
  'active'
from generate_series(1, 200) as n;

-- name: hours :exec
-- The hourly figures of so many events over two years, five to a row, by working hours, step and type.
insert into outbound.stats_hourly (org_id, company_id, campaign_id, hour, type, step, amount)
select
  c.org_id,
  c.company_id,
  c.id,
  date_trunc('hour', now(), 'UTC') - make_interval(hours => (n * 17519 / %(rows_each)s)::integer),
  (array['message.sent', 'message.opened', 'message.replied', 'message.clicked', 'message.bounced'])[1 + n %% 5],
  1 + n %% 3,
  5
from outbound.campaigns as c
cross join generate_series(1, %(rows_each)s) as n
where c.company_id = %(company)s
on conflict do nothing;

-- name: totals :exec
-- Their sums by campaign, type and step.
insert into outbound.stats_totals (org_id, company_id, campaign_id, type, step, amount)
select
  s.org_id,
  s.company_id,
  s.campaign_id,
  s.type,
  s.step,
  sum(s.amount)
from outbound.stats_hourly as s
where s.company_id = %(company)s
group by 1, 2, 3, 4, 5
on conflict on constraint stats_totals_once do update set amount = excluded.amount;

-- name: analyze :exec
-- As autovacuum does in time.
vacuum analyze outbound.stats_hourly, outbound.stats_totals, outbound.campaigns;

-- name: events :one
-- How many events a company's figures count.
select sum(s.amount) as events, count(*) as rows
from outbound.stats_hourly as s
where s.company_id = %(company)s;

-- name: session :one
-- The credential of a company's token.
select c.id::text as sid
from ctx.credentials as c
where c.hmac = %(hmac)s;
