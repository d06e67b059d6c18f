-- Who must not be contacted.

set role outbound_owner;

-- Why: a company's own list, and (company_id null) the organization's for all its companies.
create table outbound.suppressions (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid
  references outbound.organizations (id),
  company_id uuid default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  kind text not null check (kind in ('email', 'domain', 'linkedin_url')),
  value text not null check (length(value) between 3 and 500), -- as given
  value_key text collate "C" not null,
  include_subdomains boolean not null default true, -- of a domain
  include_tags boolean not null default false, -- of an address: jo+…@ is covered with jo@
  source text not null default 'manual' check (
    source in ('manual', 'import', 'unsubscribed', 'bounced', 'complained', 'do_not_contact')
  ),
  source_at timestamptz not null default now(), -- since when, as whoever brought it says
  marked_at timestamptz, -- when everybody whom it covers had been marked
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  constraint suppressions_company foreign key (org_id, company_id) references outbound.companies (org_id, id),
  constraint suppressions_key check (
    case kind
      when 'email' then outbound.is_email_key(value_key)
      when 'domain' then outbound.is_domain_key(value_key)
      else outbound.is_profile_key(value_key)
    end
  )
);
create unique index suppressions_once on outbound.suppressions (org_id, company_id, value_key)
nulls not distinct where deleted_at is null;
create index suppressions_value on outbound.suppressions (org_id, value_key) where deleted_at is null;
create index suppressions_list on outbound.suppressions (org_id, company_id, id desc) where deleted_at is null;

create index suppressions_to_mark on outbound.suppressions (org_id, id) where marked_at is null and deleted_at is null;

-- Why: people no tenant of the platform may contact. No tenant can read it.
create table outbound.platform_suppressions (
  id uuid primary key default outbound.uuid_v7(),
  kind text not null check (kind in ('email', 'domain', 'linkedin_url')),
  value text not null check (length(value) between 3 and 500),
  value_key text collate "C" not null unique,
  include_subdomains boolean not null default true,
  include_tags boolean not null default false,
  source text not null default 'manual' check (source in ('manual', 'import')),
  constraint platform_suppressions_key check (
    case kind
      when 'email' then outbound.is_email_key(value_key)
      when 'domain' then outbound.is_domain_key(value_key)
      else outbound.is_profile_key(value_key)
    end
  ),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- Why: what we have put on an account's own block list, so that nothing else is taken off it.
create table outbound.block_list_entries (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  account_id uuid not null,
  entry text collate "C" not null check (outbound.is_email_key(entry) or outbound.is_domain_key(entry)),
  seen_at timestamptz, -- when it was read there
  refused_at timestamptz, -- when it was looked for there in vain
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, account_id, entry),
  foreign key (org_id, account_id) references outbound.provider_accounts (org_id, id)
);

call outbound.guard('suppressions', 'platform_suppressions', 'block_list_entries');

reset role;
