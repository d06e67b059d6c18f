-- Organizations, their companies and users, and the API tokens that speak for them.

set role outbound_owner;

-- Why: the tenant. Everything below belongs to exactly one.
create table outbound.organizations (
  id uuid primary key default outbound.uuid_v7(),
  name text not null check (length(name) between 1 and 200),
  slug text not null check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  status text not null default 'active' check (status in ('active', 'suspended')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);
create unique index organizations_slug on outbound.organizations (slug) where deleted_at is null;

-- Why: a partner's client. Company credentials never see beyond their own.
create table outbound.companies (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid
  references outbound.organizations (id),
  id uuid not null default outbound.uuid_v7(),
  name text not null check (length(name) between 1 and 200),
  status text not null default 'active' check (status in ('active', 'suspended')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id)
);

-- Why: whoever acts. A service user stands in where a program holds the token.
create table outbound.users (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid
  references outbound.organizations (id),
  id uuid not null default outbound.uuid_v7(),
  company_id uuid,
  kind text not null check (kind in ('person', 'service')),
  role text not null check (role in ('org_admin', 'org_member', 'company_admin', 'company_member')),
  name text not null check (length(name) between 1 and 200),
  email text,
  email_normalized text generated always as (outbound.normalize_email(email)) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  unique (org_id, company_id, id),
  foreign key (org_id, company_id) references outbound.companies (org_id, id),
  check ((role in ('company_admin', 'company_member')) = (company_id is not null)),
  check ((kind = 'person') = (email is not null))
);
create unique index users_email on outbound.users (org_id, email_normalized) where deleted_at is null;

-- Why: what a program shows us. Only the HMAC of the secret is kept, and no role may read it back.
create table outbound.api_tokens (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid
  references outbound.organizations (id),
  id uuid not null default outbound.uuid_v7(),
  company_id uuid,
  user_id uuid not null,
  tier text not null check (tier in ('org', 'company')),
  name text not null default 'default' check (length(name) between 1 and 200),
  hmac bytea not null check (length(hmac) = 32),
  last_four text not null check (length(last_four) = 4),
  expires_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  foreign key (org_id, company_id) references outbound.companies (org_id, id),
  foreign key (org_id, user_id) references outbound.users (org_id, id),
  foreign key (org_id, company_id, user_id) references outbound.users (org_id, company_id, id),
  check ((tier = 'company') = (company_id is not null))
);

call outbound.guard('organizations', 'companies', 'users', 'api_tokens');

create function ctx.sync_token_credential() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform ctx.put_credential(
    new.hmac, 'token', new.org_id, new.id, new.company_id, new.user_id, new.tier,
    new.expires_at, coalesce(new.revoked_at, new.deleted_at)
  );
  return null;
end
$$;

-- A closed user, company or organization closes the credentials below it, and reopens none that was revoked itself.
create function ctx.close_credentials() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_table_name = 'organizations' then
    update ctx.credentials as c set closed_at = now()
    where c.org_id = new.id and c.kind = 'token' and c.closed_at is null;
  elsif tg_table_name = 'companies' then
    update ctx.credentials as c set closed_at = now()
    where c.org_id = new.org_id and c.company_id = new.id and c.kind = 'token' and c.closed_at is null;
  else
    update ctx.credentials as c set closed_at = now()
    where c.org_id = new.org_id and c.user_id = new.id and c.kind = 'token' and c.closed_at is null;
  end if;
  return null;
end
$$;

create trigger sync_credential after insert or update on outbound.api_tokens
for each row execute function ctx.sync_token_credential();
create trigger close_credentials after update on outbound.organizations
for each row when (new.deleted_at is not null or new.status = 'suspended')
execute function ctx.close_credentials();
create trigger close_credentials after update on outbound.companies
for each row when (new.deleted_at is not null or new.status = 'suspended')
execute function ctx.close_credentials();
create trigger close_credentials after update on outbound.users
for each row when (new.deleted_at is not null)
execute function ctx.close_credentials();

reset role;
