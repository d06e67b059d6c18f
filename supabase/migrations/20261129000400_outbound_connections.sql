-- What a company is entitled to, and the accounts at providers through which it is done.
-- Provider names, keys and ids stand only in tables and columns that no company role is granted.

set role outbound_owner;

-- Why: what we sell, in neutral words. Platform data, the same for every tenant.
create table outbound.capabilities (
  key text primary key,
  title text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- Why: who can do it. Read by partners and workers only. `outbound migrate` writes it from what the providers declare.
create table outbound.providers (
  capability text not null references outbound.capabilities (key),
  key text not null unique,
  title text not null,
  -- What can be done through whom, in words that name nobody: a company is shown it.
  features jsonb not null default '{}' check (jsonb_typeof(features) = 'object'),
  block_list boolean not null default false, -- an account has a block list of its own
  starts_before_leads boolean not null default false, -- people are taken by running campaigns only
  timezones text[], -- the only ones that schedules may be in; null is all of the IANA database
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (capability, key)
);

-- Why: what one company may use, and through which provider.
create table outbound.entitlements (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  capability text not null references outbound.capabilities (key),
  provider text not null,
  status text not null default 'entitled' check (status in ('entitled', 'connected', 'disconnected')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  unique (org_id, company_id, id),
  constraint entitlements_company foreign key (org_id, company_id) references outbound.companies (org_id, id),
  constraint entitlements_provider foreign key (capability, provider) references outbound.providers (capability, key)
);
create unique index entitlements_capability on outbound.entitlements (org_id, company_id, capability)
where deleted_at is null;

-- Why: one account at a provider, found again by the HMAC of its key. It owns the lane of work and the request budget.
create table outbound.provider_accounts (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid
  references outbound.organizations (id),
  id uuid not null default outbound.uuid_v7(),
  -- With another key an account is another row. If it turns out to have the same senders, it is the same account still.
  follows uuid,
  provider text not null references outbound.providers (key),
  credential_hmac bytea not null check (length(credential_hmac) = 32),
  budget_at timestamptz not null default now(), -- when the next request fits the budget
  paused_until timestamptz, -- the provider asked us to wait, or did not answer
  failures integer not null default 0, -- how often in a row it did not answer
  -- What was sent to the account in each of the last 61 minutes, the newest first: an hour's limit holds for any hour.
  used_by_minute integer[] not null default '{}',
  used_minute timestamptz not null default date_trunc('minute', now()),
  -- Since when several companies have used the account. It stays so: what one of them leaves behind must not fall to
  -- another by itself.
  shared_at timestamptz,
  -- Of the lists from which facts are polled: where reading goes on, by list.
  reading jsonb not null default '{}' check (jsonb_typeof(reading) = 'object'),
  block_list_due boolean not null default false, -- its own block list is to be compared with our lists
  block_list_after timestamptz, -- and not before then
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  constraint provider_accounts_follows foreign key (org_id, follows) references outbound.provider_accounts (org_id, id)
);
create unique index provider_accounts_credential on outbound.provider_accounts (org_id, provider, credential_hmac)
where deleted_at is null;

-- Why: the use of an account by one company for one capability.
create table outbound.connections (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  account_id uuid not null,
  capability text not null,
  provider text not null,
  environment text not null default 'live' check (environment in ('live', 'test')),
  credential bytea, -- AES-GCM, bound to org, table, column and row
  hook_token bytea not null, -- AES-GCM; needed again to register the address
  hook_hmac bytea not null check (length(hook_hmac) = 32),
  -- Of what a shared account may be sent, this company's part beside the others'.
  weight integer not null default 1 check (weight between 1 and 100),
  status text not null check (status in ('connected', 'disconnected', 'error')),
  reason text,
  -- Whether what providers tell still arrives. `silent`: it is registered, and asking showed what it had not told.
  hook_state text not null default 'unknown'
  check (hook_state in ('unknown', 'working', 'missing', 'disabled', 'silent')),
  hook_checked_at timestamptz,
  missed_at timestamptz,
  senders_synced_at timestamptz,
  closing_at timestamptz, -- disconnecting: the lane pauses and stops, then the credential is destroyed
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  unique (org_id, company_id, id),
  constraint connections_company foreign key (org_id, company_id) references outbound.companies (org_id, id),
  constraint connections_account foreign key (org_id, account_id) references outbound.provider_accounts (org_id, id),
  constraint connections_provider foreign key (capability, provider) references outbound.providers (capability, key),
  constraint connections_credential check (
    (credential is not null) or (status = 'disconnected') or (deleted_at is not null)
  )
);
create unique index connections_capability on outbound.connections (org_id, company_id, capability)
where deleted_at is null;
create index connections_account_id on outbound.connections (org_id, account_id) where deleted_at is null;
create index connections_closing on outbound.connections (org_id, account_id) where closing_at is not null;

-- Why: a mailbox or a seat as the provider lists it, and whose it is: one account may serve several companies of a
-- partner. What it can send from is the account's, and belongs to nobody until the partner says whose it is; a
-- company's own senders are made from that. Read by partners and workers only.
create table outbound.account_senders (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  account_id uuid not null,
  assigned_to uuid, -- the company
  external_id text not null,
  address text not null check (length(address) between 1 and 400),
  display_name text,
  daily_limit integer check (daily_limit >= 0),
  health jsonb not null default '{}' check (jsonb_typeof(health) = 'object'),
  status text not null check (status in ('active', 'disconnected')),
  warmup_status text not null default 'unknown' check (warmup_status in ('active', 'inactive', 'unknown')),
  decided_at timestamptz, -- when a partner said so; until then an account that one company uses is that company's
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  constraint account_senders_account foreign key (org_id, account_id)
  references outbound.provider_accounts (org_id, id),
  constraint account_senders_company foreign key (org_id, assigned_to) references outbound.companies (org_id, id)
);
create unique index account_senders_external on outbound.account_senders (org_id, account_id, external_id)
where deleted_at is null;
create index account_senders_list on outbound.account_senders (org_id, id desc) where deleted_at is null;

-- Why: a mailbox or a LinkedIn seat that messages are sent from.
create table outbound.senders (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  capability text not null references outbound.capabilities (key),
  address text not null check (length(address) between 1 and 400),
  address_key text collate "C" generated always as (lower(address)) stored,
  display_name text,
  daily_limit integer check (daily_limit >= 0),
  -- What is known of a mailbox or seat besides whether it works, in neutral words.
  health jsonb not null default '{}' check (jsonb_typeof(health) = 'object'),
  status text not null check (status in ('active', 'disconnected')),
  warmup_status text not null default 'unknown' check (warmup_status in ('active', 'inactive', 'unknown')),
  -- What the DNS says of the domain it sends from: spf, dkim, dmarc, each true, false or null, and when it was looked up.
  domain_auth jsonb check (jsonb_typeof(domain_auth) = 'object'),
  domain_checked_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  unique (org_id, company_id, id),
  constraint senders_company foreign key (org_id, company_id) references outbound.companies (org_id, id)
);
create index senders_address on outbound.senders (org_id, address_key) where deleted_at is null;
create index senders_domains on outbound.senders (org_id, company_id, domain_checked_at nulls first)
where status = 'active' and deleted_at is null and address like '%@%.%';
create index senders_list on outbound.senders (org_id, company_id, id desc) where deleted_at is null;

-- Why: our sender and the provider's id of it.
create table outbound.sender_bindings (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  sender_id uuid not null,
  connection_id uuid not null,
  external_id text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, id),
  unique (org_id, company_id, connection_id, external_id),
  unique (org_id, company_id, sender_id),
  foreign key (org_id, company_id, sender_id) references outbound.senders (org_id, company_id, id),
  foreign key (org_id, company_id, connection_id) references outbound.connections (org_id, company_id, id)
);

call outbound.guard(
  'capabilities', 'providers', 'entitlements', 'provider_accounts', 'connections', 'account_senders', 'senders',
  'sender_bindings'
);

reset role;

-- Seeded as the migrator: the owner is under the same policies as everybody.
insert into outbound.capabilities (key, title) values
('email_outreach', 'Email outreach'),
('linkedin_outreach', 'LinkedIn outreach');
