-- Organizations, their companies and users, what speaks for them, and what every write of theirs shares.

set role outbound_owner;

-- Why: the tenant. Everything below belongs to exactly one.
create table outbound.organizations (
  id uuid primary key default outbound.uuid_v7(),
  name text not null check (length(name) between 1 and 200),
  slug text not null check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  -- Its connections talk to simulators, by the same code path. Said once, when the organization is made: no role may
  -- change it, so that a test never becomes real.
  sandbox boolean not null default false,
  metadata jsonb not null default '{}',
  status text not null default 'active' check (status in ('active', 'suspended', 'deleting')),
  require_postal_address boolean not null default false, -- no campaign starts whose mails lack the company's address
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  constraint organizations_metadata check (outbound.metadata_fits(metadata))
);
create unique index organizations_slug on outbound.organizations (slug) where deleted_at is null;

-- Why: a partner's client. Company credentials never see beyond their own.
create table outbound.companies (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid
  references outbound.organizations (id),
  id uuid not null default outbound.uuid_v7(),
  name text not null check (length(name) between 1 and 200),
  metadata jsonb not null default '{}',
  status text not null default 'active' check (status in ('active', 'suspended', 'deleting')),
  postal_address text check (length(postal_address) between 5 and 500), -- as it stands in its mails
  may_omit_unsubscribe boolean not null default false, -- its campaigns may go out without a way to unsubscribe
  timezone text not null default 'UTC' check ( -- where its days begin, in figures; one that Postgres knows
    timestamptz '2026-01-01 00:00:00+00' at time zone timezone is not null
  ),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  constraint companies_metadata check (outbound.metadata_fits(metadata))
);
create index companies_list on outbound.companies (org_id, id desc) where deleted_at is null;

-- Why: whoever acts. A service user stands in where a program holds the token.
create table outbound.users (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid
  references outbound.organizations (id),
  company_id uuid,
  id uuid not null default outbound.uuid_v7(),
  kind text not null check (kind in ('person', 'service')),
  role text not null check (role in ('org_admin', 'org_member', 'company_admin', 'company_member')),
  name text not null check (length(name) between 1 and 200),
  email text,
  email_normalized text generated always as (outbound.normalize_email(email)) stored,
  password_hash text check (length(password_hash) between 20 and 500),
  metadata jsonb not null default '{}',
  status text not null default 'active' check (status in ('invited', 'active', 'suspended')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  unique (org_id, company_id, id),
  foreign key (org_id, company_id) references outbound.companies (org_id, id),
  check ((role in ('company_admin', 'company_member')) = (company_id is not null)),
  check ((kind = 'person') = (email is not null)),
  constraint users_metadata check (outbound.metadata_fits(metadata)),
  constraint users_invited check (status <> 'invited' or (kind = 'person' and password_hash is null)),
  constraint users_password check (password_hash is null or kind = 'person')
);
-- An invited person holds no address yet: two companies may invite the same one and neither learns of the other. The
-- address is taken by whoever first sets a password.
create unique index users_email on outbound.users (org_id, email_normalized)
where deleted_at is null and status <> 'invited';
create unique index users_email_of_company on outbound.users (org_id, company_id, email_normalized)
nulls not distinct where deleted_at is null and kind = 'person';
create index users_list on outbound.users (org_id, company_id, id desc) where deleted_at is null;

-- Why: what a program shows us. Only the HMAC of the secret is kept, and no role may read it back.
create table outbound.api_tokens (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid
  references outbound.organizations (id),
  company_id uuid,
  id uuid not null default outbound.uuid_v7(),
  user_id uuid not null,
  -- Who asked for it, where that was a user: a token may speak for somebody else. Always the context's own; a record, as
  -- in the audit log, and no reference.
  made_by uuid default nullif(current_setting('app.user_id', true), '')::uuid,
  replaced_by uuid,
  tier text not null check (tier in ('org', 'company')),
  name text not null default 'default' check (length(name) between 1 and 200),
  hmac bytea not null check (length(hmac) = 32),
  last_four text not null check (length(last_four) = 4),
  scopes text[] check (cardinality(scopes) between 1 and 50),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  unique (org_id, company_id, id),
  foreign key (org_id, company_id) references outbound.companies (org_id, id),
  foreign key (org_id, company_id, user_id) references outbound.users (org_id, company_id, id),
  constraint api_tokens_replaced foreign key (org_id, company_id, replaced_by)
  references outbound.api_tokens (org_id, company_id, id),
  check ((tier = 'company') = (company_id is not null))
);
create index api_tokens_list on outbound.api_tokens (org_id, company_id, id desc) where deleted_at is null;

-- Why: one login and all that was refreshed from it. Revoking it is the end of its access tokens too.
create table outbound.sessions (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  user_id uuid not null,
  user_agent text check (length(user_agent) <= 400),
  address text check (length(address) <= 100),
  revoked_reason text check (revoked_reason in ('logout', 'logout_everywhere', 'reuse', 'password', 'admin')),
  revoked_at timestamptz,
  refreshed_at timestamptz not null default now(),
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, id),
  constraint sessions_user foreign key (org_id, company_id, user_id) references outbound.users (org_id, company_id, id),
  check ((revoked_at is null) = (revoked_reason is null))
);
create index sessions_of_user on outbound.sessions (org_id, user_id) where revoked_at is null;

-- Why: the operator's own tokens. They belong to no tenant.
create table outbound.platform_tokens (
  id uuid primary key default outbound.uuid_v7(),
  name text not null check (length(name) between 1 and 200),
  hmac bytea not null unique check (length(hmac) = 32),
  last_four text not null check (length(last_four) = 4),
  expires_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

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
  actor_user_id uuid,
  actor_tier text not null,
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

call outbound.guard(
  'organizations', 'companies', 'users', 'api_tokens', 'sessions', 'platform_tokens', 'idempotency_keys', 'audit_log'
);

reset role;
