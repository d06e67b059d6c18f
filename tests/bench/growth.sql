-- name: add_organizations :exec
-- Organizations up to a number, each with two companies, an account, a connection, a running campaign and ten people each;
-- loaded with triggers off.
with orgs as (
  insert into outbound.organizations (name, slug)
  select
    'G' || n,
    'g' || n
  from generate_series(%(first)s::integer, %(last)s::integer) as n
  returning id
),

tenants as (
  insert into ctx.tenants (org_id, slug, status)
  select
    o.id,
    'g' || o.id,
    'active'
  from orgs as o
),

companies as (
  insert into outbound.companies (org_id, name)
  select
    o.id,
    'C' || n
  from orgs as o
  cross join generate_series(1, 2) as n
  returning org_id, id
),

accounts as (
  insert into outbound.provider_accounts (org_id, provider, credential_hmac)
  select
    c.org_id,
    'smartlead',
    sha256(c.id::text::bytea)
  from companies as c
  returning org_id, id
),

numbered as (
  select
    c.org_id,
    c.id as company_id,
    a.id as account_id
  from (
    select
      c.*,
      row_number() over (partition by c.org_id order by c.id) as n
    from companies as c
  ) as c
  inner join (
    select
      a.*,
      row_number() over (partition by a.org_id order by a.id) as n
    from accounts as a
  ) as a on c.org_id = a.org_id and c.n = a.n
),

connections as (
  insert into outbound.connections (
    org_id, company_id, capability, provider, account_id, status, credential, hook_token, hook_hmac, senders_synced_at
  )
  select
    n.org_id,
    n.company_id,
    'email_outreach',
    'smartlead',
    n.account_id,
    'connected',
    'x',
    'x',
    sha256(('hook' || n.account_id)::bytea),
    now()
  from numbered as n
  returning org_id, company_id, id, account_id
),

campaigns as (
  insert into outbound.campaigns (org_id, company_id, name, capability, status, started_at, synced_revision)
  select
    n.org_id,
    n.company_id,
    'C',
    'email_outreach',
    'active',
    now(),
    1
  from numbered as n
  returning org_id, company_id, id
),

bindings as (
  insert into outbound.campaign_bindings (
    org_id, company_id, campaign_id, connection_id, external_id, remote_status, poll_at
  )
  select
    c.org_id,
    c.company_id,
    c.id,
    k.id,
    '7',
    'active',
    now() + interval '1 hour'
  from campaigns as c
  inner join connections as k on c.org_id = k.org_id and c.company_id = k.company_id
),

people as (
  insert into outbound.leads (org_id, company_id, email, email_key, domain_key)
  select
    c.org_id,
    c.company_id,
    'p' || n || '@x.example',
    'p' || n || '@x.example',
    'x.example'
  from campaigns as c
  cross join generate_series(1, 10) as n
  returning org_id, company_id, id
),

enrolled as (
  insert into outbound.campaign_leads (
    org_id, company_id, campaign_id, lead_id, status, push_state, pushed_at
  )
  select
    c.org_id,
    c.company_id,
    c.id,
    p.id,
    'active',
    'pushed',
    now()
  from campaigns as c
  inner join people as p on c.org_id = p.org_id and c.company_id = p.company_id
)

insert into ctx.lanes (org_id, task, subject, due_at)
select
  k.org_id,
  'account.work',
  k.account_id,
  now() + interval '1 hour'
from connections as k;

-- name: a_tenant :one
-- Some organization and account of those that were added.
select
  k.org_id,
  k.account_id
from outbound.connections as k
where k.credential = 'x'
limit 1;

-- name: analyze :exec
-- As autovacuum does in time.
analyze;
