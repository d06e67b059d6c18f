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

-- Why: who can do it. Read by partners and workers only.
create table outbound.providers (
  capability text not null references outbound.capabilities (key),
  key text not null unique,
  title text not null,
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
  provider text not null references outbound.providers (key),
  credential_hmac bytea not null check (length(credential_hmac) = 32),
  budget_at timestamptz not null default now(), -- when the next request fits the budget
  hold_until timestamptz, -- the provider asked us to wait
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id)
);
create unique index provider_accounts_credential on outbound.provider_accounts (org_id, provider, credential_hmac)
where deleted_at is null;

-- Why: the use of an account by one company for one capability.
create table outbound.connections (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  capability text not null,
  provider text not null,
  account_id uuid not null,
  status text not null check (status in ('connected', 'disconnected', 'error')),
  reason text,
  credential bytea not null, -- AES-GCM, bound to org, table, column and row
  hook_token bytea not null, -- AES-GCM; needed again to register the address
  hook_hmac bytea not null check (length(hook_hmac) = 32),
  senders_synced_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  unique (org_id, company_id, id),
  constraint connections_company foreign key (org_id, company_id) references outbound.companies (org_id, id),
  constraint connections_account foreign key (org_id, account_id) references outbound.provider_accounts (org_id, id),
  constraint connections_provider foreign key (capability, provider) references outbound.providers (capability, key)
);
create unique index connections_capability on outbound.connections (org_id, company_id, capability)
where deleted_at is null;
create index connections_account_id on outbound.connections (org_id, account_id) where deleted_at is null;

-- Why: a mailbox or a LinkedIn seat that messages are sent from.
create table outbound.senders (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  capability text not null references outbound.capabilities (key),
  address text not null check (length(address) between 1 and 400),
  display_name text,
  status text not null check (status in ('active', 'disconnected')),
  daily_limit integer check (daily_limit >= 0),
  warmup_status text not null default 'unknown' check (warmup_status in ('active', 'inactive', 'unknown')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  unique (org_id, company_id, id),
  constraint senders_company foreign key (org_id, company_id) references outbound.companies (org_id, id)
);
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
  'capabilities', 'providers', 'entitlements', 'provider_accounts', 'connections', 'senders', 'sender_bindings'
);

-- A webhook path stays open after a disconnect: what still arrives is stored. Only a deleted connection closes it.
create function ctx.sync_hook_credential() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and old.hook_hmac <> new.hook_hmac then
    update ctx.credentials as c set closed_at = now() where c.hmac = old.hook_hmac;
  end if;
  perform ctx.put_credential(
    new.hook_hmac, 'hook', new.org_id, new.id, new.company_id, null, 'hook', null, new.deleted_at
  );
  return null;
end
$$;

create trigger sync_credential after insert or update of hook_hmac, deleted_at on outbound.connections
for each row execute function ctx.sync_hook_credential();

reset role;

-- Seeded as the migrator: the owner is under the same policies as everybody.
insert into outbound.capabilities (key, title) values
('email_outreach', 'Email outreach'),
('linkedin_outreach', 'LinkedIn outreach');

insert into outbound.providers (capability, key, title) values
('email_outreach', 'smartlead', 'Smartlead'),
('email_outreach', 'instantly', 'Instantly'),
('linkedin_outreach', 'heyreach', 'HeyReach');
