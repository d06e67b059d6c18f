-- What every write shares: an answer that can be repeated, and a line that says who did it. And the caller's own keys
-- on the main objects.

set role outbound_owner;

alter table outbound.campaigns
add column metadata jsonb not null default '{}',
add constraint campaigns_metadata check (outbound.metadata_fits(metadata));
alter table outbound.leads
add column metadata jsonb not null default '{}',
add constraint leads_metadata check (outbound.metadata_fits(metadata));

-- Why: a write that was asked for twice under one key is done once and answered twice. Keyed by who asks, so that no
-- company can tell which keys another has used.
create table outbound.idempotency_keys (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid
  references outbound.organizations (id),
  company_id uuid default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  credential_id uuid not null,
  method text not null,
  path text not null check (length(path) <= 500),
  key text not null check (length(key) between 1 and 255),
  request_sha256 bytea not null check (length(request_sha256) = 32),
  status_code integer,
  answer bytea, -- AES-GCM, bound to org, table, column and row
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, id),
  constraint idempotency_keys_company foreign key (org_id, company_id) references outbound.companies (org_id, id)
);
create unique index idempotency_keys_once
on outbound.idempotency_keys (org_id, company_id, credential_id, method, path, key) nulls not distinct;
create index idempotency_keys_old on outbound.idempotency_keys (org_id, created_at);

-- Why: who did what. Rows of a company's own people carry its company_id; what the partner did carries none, and is
-- therefore nothing that a company can see.
create table outbound.audit_log (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid
  references outbound.organizations (id),
  company_id uuid default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  actor_tier text not null,
  actor_user_id uuid,
  credential_id uuid,
  action text not null check (action ~ '^[a-z_]+(\.[a-z_]+)?$'),
  target jsonb not null default '{}' check (jsonb_typeof(target) = 'object'),
  request_id text check (length(request_id) <= 64),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, id),
  constraint audit_log_company foreign key (org_id, company_id) references outbound.companies (org_id, id)
);
create index audit_log_list on outbound.audit_log (org_id, company_id, id desc);
create index audit_log_all on outbound.audit_log (org_id, id desc);

call outbound.guard('idempotency_keys', 'audit_log');

-- Writes one line. Who acts is read from the signed context, never from an argument.
create function ctx.note_write(action text, target jsonb, request text, credential uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into outbound.audit_log (
    org_id, company_id, actor_tier, actor_user_id, credential_id, action, target, request_id
  )
  select s.org_id, s.company_id, s.tier, s.user_id, credential, action, target, left(request, 64)
  from ctx.scope() as s
  where s.org_id is not null
$$;

-- For the doors of this schema only: it trusts what it is given.
create function ctx.note_security(org uuid, company uuid, person uuid, action text, subject uuid) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into outbound.audit_log (org_id, company_id, actor_tier, actor_user_id, action, target)
  values (org, company, 'auth', person, action, jsonb_build_object('id', subject))
$$;

reset role;
