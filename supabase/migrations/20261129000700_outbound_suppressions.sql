-- Who must not be contacted.

set role outbound_owner;

-- Why: a company's own list, and (company_id null) the organization's for all its companies.
create table outbound.suppressions (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid
  references outbound.organizations (id),
  company_id uuid default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  kind text not null check (kind in ('email', 'domain', 'linkedin_url')),
  value text not null check (length(value) between 3 and 500),
  value_normalized text generated always as (
    case kind
      when 'linkedin_url' then outbound.normalize_linkedin_url(value)
      else outbound.normalize_email(value)
    end
  ) stored,
  source text not null default 'manual' check (source in ('manual', 'unsubscribed')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  constraint suppressions_company foreign key (org_id, company_id) references outbound.companies (org_id, id),
  constraint suppressions_value check (value_normalized is not null)
);
create unique index suppressions_once on outbound.suppressions (org_id, company_id, value_normalized)
nulls not distinct where deleted_at is null;
create index suppressions_value on outbound.suppressions (org_id, value_normalized) where deleted_at is null;
create index suppressions_list on outbound.suppressions (org_id, company_id, id desc) where deleted_at is null;

-- Why: people no tenant of the platform may contact. No tenant can read it.
create table outbound.platform_suppressions (
  id uuid primary key default outbound.uuid_v7(),
  kind text not null check (kind in ('email', 'domain', 'linkedin_url')),
  value_normalized text not null unique,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

call outbound.guard('suppressions', 'platform_suppressions');

reset role;
