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

-- Whether a user, a company or an organization is suspended or deleted. Where nobody's context is open, as for the
-- migrator, it opens the organization's own: the fence binds this function's owner too.
create function ctx.parents_closed(org uuid, company uuid, person uuid) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  alone boolean := ctx.org_id() is null;
  closed boolean;
begin
  if alone then
    perform ctx.set_scope(org, null, null, 'platform');
  end if;
  select
    exists (
      select from outbound.organizations as o
      where o.id = org and (o.status = 'suspended' or o.deleted_at is not null)
    ) or exists (
      select from outbound.companies as c
      where c.org_id = org and c.id = company and (c.status = 'suspended' or c.deleted_at is not null)
    ) or exists (
      select from outbound.users as u where u.org_id = org and u.id = person and u.deleted_at is not null
    )
  into closed;
  if alone then
    perform set_config('app.signature', '', true);
  end if;
  return closed;
end
$$;

create function ctx.sync_token_credential() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform ctx.put_credential(
    new.hmac, 'token', new.org_id, new.id, new.company_id, new.user_id, new.tier, new.expires_at,
    coalesce(
      new.revoked_at, new.deleted_at,
      case when ctx.parents_closed(new.org_id, new.company_id, new.user_id) then now() end
    )
  );
  return null;
end
$$;

-- A closed user, company or organization closes the credentials below it; opened again, it opens those that were not
-- revoked themselves.
create function ctx.sync_credentials_below() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  org uuid := case tg_table_name when 'organizations' then new.id else nullif(to_jsonb(new) ->> 'org_id', '')::uuid end;
  alone boolean := ctx.org_id() is null;
begin
  if alone then
    perform ctx.set_scope(org, null, null, 'platform');
  end if;
  update ctx.credentials as c
  set closed_at = coalesce(
    t.revoked_at, t.deleted_at,
    case when ctx.parents_closed(t.org_id, t.company_id, t.user_id) then coalesce(c.closed_at, now()) end
  )
  from outbound.api_tokens as t
  where t.org_id = org and c.org_id = t.org_id and c.id = t.id and c.kind = 'token'
    and new.id in (t.org_id, t.company_id, t.user_id);
  if alone then
    perform set_config('app.signature', '', true);
  end if;
  return null;
end
$$;

create trigger sync_credential after insert or update on outbound.api_tokens
for each row execute function ctx.sync_token_credential();
create trigger sync_credentials after update of status, deleted_at on outbound.organizations
for each row execute function ctx.sync_credentials_below();
create trigger sync_credentials after update of status, deleted_at on outbound.companies
for each row execute function ctx.sync_credentials_below();
create trigger sync_credentials after update of deleted_at on outbound.users
for each row execute function ctx.sync_credentials_below();

reset role;
