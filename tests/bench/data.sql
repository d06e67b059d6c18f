-- name: server_buffers :exec
-- Memory as one would give a server of this size; every peer reads from the same one.
alter system set shared_buffers = '1GB';

-- name: server_wal :exec
-- No checkpoint in the middle of a measurement.
alter system set max_wal_size = '16GB';

-- name: server_checkpoints :exec
-- No checkpoint in the middle of a measurement.
alter system set checkpoint_timeout = '30min';

-- name: server_maintenance :exec
-- Indexes of a million rows are built in memory.
alter system set maintenance_work_mem = '512MB';

-- name: server_autovacuum :exec
-- The load ends with its own vacuum and analyze; a second one must not run beside a measurement.
alter system set autovacuum = off;

-- name: schema :exec
-- Everything that only the benchmark needs lies here.
create schema bench;

-- name: organizations :exec
-- The tenants.
insert into outbound.organizations (name, slug)
select
  'Partner ' || n,
  'partner-' || n
from generate_series(1, %(organizations)s) as n;

-- name: tenants :exec
-- What the organizations' trigger, off while this loads, writes down for the worker.
insert into ctx.tenants (org_id, slug, status)
select
  id,
  slug,
  status
from outbound.organizations
where slug like 'partner-%%';

-- name: companies :exec
-- Two companies for each tenant.
insert into outbound.companies (org_id, name)
select
  o.id,
  'Client ' || n
from outbound.organizations as o
cross join generate_series(1, 2) as n
where o.slug like 'partner-%%';

-- name: numbered_companies :exec
-- The companies in an order that mixes the tenants; the first twenty are the big ones.
create table bench.companies as
select
  row_number() over (order by md5(c.id::text)) - 1 as number,
  c.org_id,
  c.id as company_id
from outbound.companies as c
inner join outbound.organizations as o on c.org_id = o.id
where o.slug like 'partner-%%';

-- name: numbered_campaigns :exec
-- Each campaign with the people it will contain: half of all in the campaigns of twenty companies.
create table bench.campaigns as
with spread as (
  select
    n,
    k.*,
    count(*) filter (where k.number < 20) over () as big,
    count(*) filter (where k.number >= 20) over () as small
  from generate_series(0, %(campaigns)s - 1) as n
  inner join bench.companies as k on n %% (select count(*) from bench.companies) = k.number
)

select
  n as campaign_number,
  number,
  org_id,
  company_id,
  outbound.uuid_v7() as campaign_id,
  size,
  (sum(size) over (order by md5(n::text)))::bigint - size as first_person,
  case when number < 20 then 200 else 10 end as domains
from (
  select
    s.*,
    case
      when s.number >= 20 then %(rows)s / 2 / greatest(s.small, 1)
      when s.n = 0 then %(rows)s - %(rows)s / 2 / greatest(s.small, 1) * s.small - %(rows)s / 2 / s.big * (s.big - 1)
      else %(rows)s / 2 / s.big
    end as size
  from spread as s
) as sized;

-- name: campaigns :exec
-- The campaigns themselves.
insert into outbound.campaigns (
  org_id, company_id, id, name, capability, status, revision, synced_revision, started_at
)
select
  c.org_id,
  c.company_id,
  c.campaign_id,
  'Campaign ' || c.campaign_number || ' for the second quarter',
  'email_outreach',
  (array['active', 'active', 'active', 'paused', 'completed'])[1 + c.campaign_number %% 5],
  3,
  3,
  now()
from bench.campaigns as c;

-- name: numbered_id :exec
-- An id with the layout of version 7 from a number, so that rows of two tables find each other without a join.
create function bench.id(salt text, n bigint) returns uuid
language sql immutable parallel safe
as $$
  select (
    pg_catalog.lpad(pg_catalog.to_hex(1767225600000 + n * 7), 12, '0') || '7'
    || pg_catalog.substr(pg_catalog.md5(salt || n), 1, 3) || '8' || pg_catalog.substr(pg_catalog.md5(salt || n), 4, 15)
  )::uuid
$$;

-- name: leads :exec
-- People with the widths of real lists.
insert into outbound.leads (
  org_id, company_id, id, email, email_key, domain_key, linkedin_url, linkedin_key, first_name, last_name, company_name,
  custom, created_at, updated_at
)
select
  c.org_id,
  c.company_id,
  bench.id('lead', c.first_person + n),
  k.mailbox || '@' || k.domain,
  k.mailbox || '@' || k.domain,
  k.domain,
  case when n %% 2 = 0 then 'https://www.linkedin.com/in/' || k.slug end,
  case when n %% 2 = 0 then 'linkedin.com/in/' || k.slug end,
  f.name,
  s.name,
  'Company ' || (n %% c.domains) || ' Holdings',
  jsonb_build_object(
    'title', (array['Head of Growth', 'Chief Revenue Officer', 'VP Sales', 'Founder'])[1 + n %% 4],
    'city', (array['Lisbon', 'Rotterdam', 'São Paulo', 'Kraków', 'Austin'])[1 + n %% 5],
    'industry', (array['Software', 'Logistics', 'Manufacturing'])[1 + n %% 3],
    'employees', 10 + n * 7 %% 4000,
    'website', 'https://company-' || (n %% c.domains) || '.example.com',
    'opener', 'I read what you said about onboarding in the spring and had a question about it.'
  ),
  timestamptz '2026-01-01 00:00Z' + make_interval(secs => (c.first_person + n) / 100.0),
  timestamptz '2026-01-01 00:00Z' + make_interval(secs => (c.first_person + n) / 100.0)
from (select * from bench.campaigns where campaign_number %% %(parts)s = %(part)s order by first_person) as c
cross join lateral generate_series(1, c.size) as n
cross join lateral (
  select (array['Maria', 'João', 'Anna', 'Piotr', 'Grace', 'Liam', 'Noor', 'Chen'])[1 + n %% 8] as name
) as f
cross join lateral (
  select (array['Oliveira', 'Kowalska', 'Andersson', 'van den Berg', 'Okafor', 'Smith'])[1 + n %% 6] as name
) as s
cross join lateral (
  select
    translate(lower(f.name || '.' || s.name), 'ã ', 'a-') || (c.first_person + n) as mailbox,
    'company-' || (n %% c.domains) || '-' || c.number || '.example.com' as domain,
    translate(lower(f.name || '-' || s.name), 'ã ', 'a-') || '-' || to_hex(c.first_person + n) as slug
) as k;

-- name: enrolments :exec
-- Every lead in the campaign that brought them, most of them handed over.
insert into outbound.campaign_leads (
  org_id, company_id, id, campaign_id, lead_id, status, push_state, pushed_at, push_attempts, push_attempt_id,
  push_attempted_at, created_at, updated_at
)
select
  c.org_id,
  c.company_id,
  bench.id('enrolment', c.first_person + n),
  c.campaign_id,
  bench.id('lead', c.first_person + n),
  case when n %% 10 = 0 then 'queued' when n %% 10 = 1 then 'replied' else 'active' end,
  case when n %% 10 = 0 then 'pending' else 'pushed' end,
  case when n %% 10 > 0 then now() end,
  case when n %% 10 > 0 then 1 else 0 end,
  case when n %% 10 > 0 then c.campaign_id end,
  case when n %% 10 > 0 then now() end,
  now(),
  now()
from (select * from bench.campaigns where campaign_number %% %(parts)s = %(part)s order by first_person) as c
cross join lateral generate_series(1, c.size) as n
where n <= %(share)s * c.size;

-- name: events :exec
-- One fact for every fifth person.
insert into outbound.events (
  org_id, company_id, sequence, type, campaign_id, lead_id, data, occurred_at
)
select
  c.org_id,
  c.company_id,
  row_number() over (partition by c.org_id, c.company_id),
  (array['message.sent', 'message.opened', 'message.replied'])[1 + n %% 3],
  c.campaign_id,
  bench.id('lead', c.first_person + n),
  jsonb_build_object('step', 1 + n %% 3),
  now()
from bench.campaigns as c
cross join lateral generate_series(1, c.size, 5) as n;

-- name: plain_indexes :many
-- The indexes that no constraint stands on, to be built after the rows are there.
select
  i.indexrelid::regclass::text as name,
  pg_get_indexdef(i.indexrelid) as definition
from pg_index as i
where
  i.indrelid = %(table)s::regclass
  and not exists (select from pg_constraint as k where k.conindid = i.indexrelid);

-- name: all_indexes :many
-- Every index of a table, as one would write it.
select pg_get_indexdef(i.indexrelid) as definition
from pg_index as i
where i.indrelid = %(table)s::regclass;

-- name: twin :exec
-- The same rows without a fence.
create table bench.leads as table outbound.leads;

-- name: twin_statistics :exec
-- The planner knows of the twin what it knows of the fenced table: the comparison is of the fence, not of a worse plan.
do $$
declare
  item record;
begin
  for item in
    select
      quote_ident(a.attname) as col,
      array_to_string(a.attoptions, ', ') as options,
      a.attstattarget as target
    from pg_catalog.pg_attribute as a
    where a.attrelid = 'outbound.leads'::regclass and a.attnum > 0 and not a.attisdropped
  loop
    if item.target >= 0 then
      execute format('alter table bench.leads alter column %%s set statistics %%s', item.col, item.target);
    end if;
    if item.options is not null then
      execute format('alter table bench.leads alter column %%s set (%%s)', item.col, item.options);
    end if;
  end loop;
  for item in
    select s.stxname::text as name, pg_get_statisticsobjdef(s.oid) as definition
    from pg_catalog.pg_statistic_ext as s
    where s.stxrelid = 'outbound.leads'::regclass
  loop
    execute replace(replace(item.definition, 'FROM outbound.leads', 'FROM bench.leads'), 'STATISTICS outbound.', 'STATISTICS bench.');
  end loop;
end
$$;

-- name: twin_document :exec
-- The twin's document: the very expression of outbound.lead_document.
create function bench.lead_document(l bench.leads) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', l.id, 'company_id', l.company_id, 'email', l.email, 'linkedin_url', l.linkedin_url,
    'first_name', l.first_name, 'last_name', l.last_name, 'company_name', l.company_name, 'custom', l.custom,
    'created_at', l.created_at, 'updated_at', l.updated_at
  )
$$;

-- name: twin_credentials :exec
-- What a design without signatures would look a token up in.
create table bench.credentials as select * from ctx.credentials;

-- name: twin_credentials_key :exec
-- Found by its key, as ctx.credentials is.
alter table bench.credentials add primary key (hmac);

-- name: grants :exec
-- The role that is measured may read the twin.
grant usage on schema bench to outbound_company;

-- name: grant_tables :exec
-- The role that is measured may read the twin.
grant select on all tables in schema bench to outbound_company;

-- name: grant_functions :exec
-- The role that is measured may read the twin.
grant execute on all functions in schema bench to outbound_company;

-- name: probed :many
-- The companies that requests are made for: the twenty big ones and many small ones, each with what is requested.
select
  k.org_id,
  k.company_id,
  (select c.campaign_id from bench.campaigns as c where c.company_id = k.company_id limit 1) as campaign_id,
  array(
    select bench.id('lead', c.first_person + n)
    from bench.campaigns as c
    cross join lateral generate_series(1, c.size) as n
    where c.company_id = k.company_id
    order by md5(n::text || c.campaign_number)
    limit 20
  ) as lead_ids,
  array(
    select 'company-' || (n * 7 %% c.domains) || '-' || c.number || '.example.com'
    from (select * from bench.campaigns as b where b.company_id = k.company_id limit 1) as c
    cross join lateral generate_series(0, 4) as n
  ) as domains
from bench.companies as k
where k.number < %(count)s
order by k.number;

-- name: person :one
-- Who holds a probed company's token.
insert into outbound.users (org_id, company_id, kind, role, name)
values (%(org_id)s, %(company_id)s, 'service', 'company_admin', 'bench')
returning id;

-- name: token :exec
-- A token, kept in step with ctx.credentials by the real triggers.
insert into outbound.api_tokens (org_id, company_id, user_id, tier, name, hmac, last_four)
values (%(org_id)s, %(company_id)s, %(user_id)s, 'company', 'bench', %(hmac)s, %(last_four)s);

-- name: probes :exec
-- What pgbench takes its values from, once per client.
create table bench.probes (
  number integer primary key, org_id uuid, company_id uuid, ticket text, hmac bytea, domain text, lead_id uuid,
  campaign_id uuid
);

-- name: probe :exec
-- One probed company.
insert into bench.probes
values (
  %(number)s, %(org_id)s, %(company_id)s, %(ticket)s, %(hmac)s, %(domain)s, %(lead_id)s, %(campaign_id)s
);

-- name: counts :one
-- How much lies there.
select
  (select count(*) from outbound.leads) as leads,
  (select count(*) from outbound.campaign_leads) as enrolments,
  (select count(*) from outbound.events) as events,
  (select count(*) from outbound.campaigns) as campaigns,
  (select count(*) from outbound.organizations) as organizations,
  pg_size_pretty(pg_database_size(current_database())) as size,
  pg_size_pretty(pg_table_size('outbound.leads') / greatest((select count(*) from outbound.leads), 1)) as row_width;

-- name: open_session :one
-- A session of a user, as a login opens it.
insert into outbound.sessions (org_id, company_id, user_id, expires_at)
values (%(org_id)s, %(company_id)s, %(user_id)s, now() + interval '1 day')
returning id;

-- name: create_org_token :exec
-- A token that speaks for an organization, and the service user who holds it.
with person as (
  insert into outbound.users (org_id, kind, role, name)
  values (%(org_id)s, 'service', 'org_admin', 'bench')
  returning id
)

insert into outbound.api_tokens (org_id, user_id, tier, name, hmac, last_four)
select
  %(org_id)s,
  person.id,
  'org',
  'bench',
  %(hmac)s,
  %(last_four)s
from person;
