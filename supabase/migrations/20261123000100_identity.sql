-- Who may come in: tenants by their slug, people with passwords and sessions, tokens with scopes, single-use links.
-- Every credential, whatever its kind, is one row of ctx.credentials, so that opening a context is one look-up and
-- closing a user, a company or an organization closes all that stands below it with the next request.

set role outbound_owner;

-- Why: what must be known of a tenant before a context is open: its slug at login, that it exists for the operator.
create table ctx.tenants (
  org_id uuid primary key,
  slug text not null,
  status text not null,
  deleted_at timestamptz
);
create unique index tenants_slug on ctx.tenants (slug) where deleted_at is null;
alter table ctx.tenants enable row level security;
alter table ctx.tenants force row level security;
create policy owner_only on ctx.tenants to outbound_owner using (true) with check (true);

-- The caller's own keys: a flat object of at most 50 of them, and not too large to carry along.
create function outbound.metadata_fits(metadata jsonb) returns boolean
language sql immutable parallel safe
as $$
  select case pg_catalog.jsonb_typeof(metadata)
    when 'object' then pg_catalog.octet_length(metadata::text) <= 16384
      and (select pg_catalog.count(*) from pg_catalog.jsonb_object_keys(metadata)) <= 50
    else false
  end
$$;

alter table outbound.organizations
add column metadata jsonb not null default '{}',
add constraint organizations_metadata check (
  outbound.metadata_fits(metadata)
);
alter table outbound.organizations drop constraint organizations_status_check;
alter table outbound.organizations add constraint organizations_status_check
check (status in ('active', 'suspended', 'deleting'));

alter table outbound.companies
add column metadata jsonb not null default '{}',
add constraint companies_metadata check (outbound.metadata_fits(metadata));
alter table outbound.companies drop constraint companies_status_check;
alter table outbound.companies add constraint companies_status_check
check (status in ('active', 'suspended', 'deleting'));
create index companies_list on outbound.companies (org_id, id desc) where deleted_at is null;

create function ctx.sync_tenant() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into ctx.tenants (org_id, slug, status, deleted_at)
  values (new.id, new.slug, new.status, new.deleted_at)
  on conflict (org_id) do update
  set slug = excluded.slug, status = excluded.status, deleted_at = excluded.deleted_at;
  return null;
end
$$;

create trigger sync_tenant after insert or update of slug, status, deleted_at on outbound.organizations
for each row execute function ctx.sync_tenant();

-- An invited person holds no address yet: two companies may invite the same one and neither learns of the other. The
-- address is taken by whoever first sets a password.
alter table outbound.users
add column status text not null default 'active' check (status in ('invited', 'active', 'suspended')),
add column password_hash text check (length(password_hash) between 20 and 500),
add column metadata jsonb not null default '{}',
add constraint users_metadata check (outbound.metadata_fits(metadata)),
add constraint users_invited check ((status = 'invited') <= (kind = 'person' and password_hash is null)),
add constraint users_password check ((password_hash is not null) <= (kind = 'person'));

-- Nobody but the person makes an invitation an account: whoever could, could also find out which addresses are in use.
create function outbound.keep_invited() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    if new.kind = 'person' and new.password_hash is null
      and (select s.tier from ctx.scope() as s) in ('org', 'company') then
      new.status := 'invited';
    end if;
  elsif old.status = 'invited' and new.status <> 'invited' and new.password_hash is null then
    raise exception 'an invited person sets a password first' using errcode = '23514', constraint = 'users_invited';
  end if;
  return new;
end
$$;

create trigger keep_invited before insert or update of status on outbound.users
for each row execute function outbound.keep_invited();

drop index outbound.users_email;
create unique index users_email on outbound.users (org_id, email_normalized)
where deleted_at is null and status <> 'invited';
create unique index users_email_of_company on outbound.users (org_id, company_id, email_normalized)
nulls not distinct where deleted_at is null and kind = 'person';
create index users_list on outbound.users (org_id, company_id, id desc) where deleted_at is null;

alter table outbound.api_tokens
add column scopes text[] check (cardinality(scopes) between 1 and 50),
add column last_used_at timestamptz,
add column replaced_by uuid,
add unique (org_id, company_id, id),
add constraint api_tokens_replaced foreign key (org_id, company_id, replaced_by)
references outbound.api_tokens (org_id, company_id, id),
drop constraint api_tokens_org_id_user_id_fkey;
create index api_tokens_list on outbound.api_tokens (org_id, company_id, id desc) where deleted_at is null;

-- Why: one login and all that was refreshed from it. Revoking it is the end of its access tokens too.
create table outbound.sessions (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  user_id uuid not null,
  user_agent text check (length(user_agent) <= 400),
  address text check (length(address) <= 100),
  refreshed_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  revoked_reason text check (revoked_reason in ('logout', 'logout_everywhere', 'reuse', 'password', 'admin')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, id),
  constraint sessions_user foreign key (org_id, company_id, user_id) references outbound.users (org_id, company_id, id),
  check ((revoked_at is null) = (revoked_reason is null))
);
create index sessions_of_user on outbound.sessions (org_id, user_id) where revoked_at is null;
call outbound.guard('sessions');

-- A key with a null in it is not checked: for what belongs to the organization itself, this does it, and ends alike
-- whether an id is another's or nobody's. Arguments: the parent's table, the child's column, the constraint to name.
create function outbound.check_own_level() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  known boolean;
  alone boolean := ctx.org_id() is null;
begin
  if alone then
    perform ctx.set_scope(new.org_id, null, null, 'platform');
  end if;
  execute format(
    'select exists (select from outbound.%I as p where p.org_id = $1 and p.id = $2 and p.company_id is null)', tg_argv[0]
  ) into known using new.org_id, nullif(to_jsonb(new) ->> tg_argv[1], '')::uuid;
  if alone then
    perform set_config('app.signature', '', true);
  end if;
  if not known then
    raise exception 'there is no such row' using errcode = '23503', constraint = tg_argv[2];
  end if;
  return null;
end
$$;

create trigger check_own_user after insert or update of user_id on outbound.api_tokens
for each row when (new.company_id is null)
execute function outbound.check_own_level('users', 'user_id', 'api_tokens_org_id_company_id_user_id_fkey');
create trigger check_own_successor after insert or update of replaced_by on outbound.api_tokens
for each row when (new.company_id is null and new.replaced_by is not null)
execute function outbound.check_own_level('api_tokens', 'replaced_by', 'api_tokens_replaced');
create trigger check_own_user after insert on outbound.sessions
for each row when (new.company_id is null)
execute function outbound.check_own_level('users', 'user_id', 'sessions_user');

-- Why: each refresh token is good once. The child is remembered, so that a repeated request finds the same one.
create table ctx.refresh_tokens (
  hmac bytea primary key check (length(hmac) = 32),
  org_id uuid not null,
  session_id uuid not null,
  child bytea check (length(child) = 32),
  used_at timestamptz,
  expires_at timestamptz not null,
  created_at timestamptz not null default now()
);
create index refresh_tokens_session on ctx.refresh_tokens (org_id, session_id);
alter table ctx.refresh_tokens enable row level security;
alter table ctx.refresh_tokens force row level security;
create policy owner_only on ctx.refresh_tokens to outbound_owner using (true) with check (true);

-- Why: how many passwords may still be tried, per account, device and network. In the database, so that every process
-- counts together.
create table ctx.login_buckets (
  bucket text primary key check (length(bucket) <= 200),
  tokens double precision not null,
  updated_at timestamptz not null default now()
);
alter table ctx.login_buckets enable row level security;
alter table ctx.login_buckets force row level security;
create policy owner_only on ctx.login_buckets to outbound_owner using (true) with check (true);

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
call outbound.guard('platform_tokens');

alter table ctx.credentials drop constraint credentials_kind_check;
alter table ctx.credentials add constraint credentials_kind_check
check (kind in ('token', 'hook', 'session', 'link', 'platform'));
alter table ctx.credentials drop constraint credentials_tier_check;
alter table ctx.credentials add constraint credentials_tier_check
check (tier in ('org', 'company', 'hook', 'platform', 'link'));
alter table ctx.credentials
alter column org_id drop not null,
add column role text,
add column scopes text[],
add constraint credentials_org check ((org_id is null) = (kind = 'platform'));
create index credentials_id on ctx.credentials (id) where kind = 'session';

drop function ctx.put_credential(bytea, text, uuid, uuid, uuid, uuid, text, timestamptz, timestamptz);
create function ctx.put_credential(fresh ctx.credentials) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into ctx.credentials as c (
    hmac, kind, org_id, id, company_id, user_id, tier, role, scopes, expires_at, closed_at, created_at
  )
  values (
    fresh.hmac, fresh.kind, fresh.org_id, fresh.id, fresh.company_id, fresh.user_id, fresh.tier, fresh.role,
    fresh.scopes, fresh.expires_at, fresh.closed_at, now()
  )
  on conflict (hmac) do update
  set expires_at = excluded.expires_at, closed_at = excluded.closed_at, role = excluded.role, scopes = excluded.scopes
  where c.org_id is not distinct from excluded.org_id and c.id = excluded.id
$$;

create or replace function ctx.parents_closed(org uuid, company uuid, person uuid) returns boolean
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
      where o.id = org and (o.status <> 'active' or o.deleted_at is not null)
    ) or exists (
      select from outbound.companies as c
      where c.org_id = org and c.id = company and (c.status <> 'active' or c.deleted_at is not null)
    ) or exists (
      select from outbound.users as u
      where u.org_id = org and u.id = person and (u.status <> 'active' or u.deleted_at is not null)
    )
  into closed;
  if alone then
    perform set_config('app.signature', '', true);
  end if;
  return closed;
end
$$;

-- Holds a tenant's rows as they are until this transaction ends. What is made below them while they are being closed
-- would otherwise be seen by neither side, and outlive the closing.
create function ctx.hold_parents(org uuid, company uuid, person uuid) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  alone boolean := ctx.org_id() is null;
begin
  if alone then
    perform ctx.set_scope(org, null, null, 'platform');
  end if;
  perform from outbound.organizations as o where o.id = org for share;
  perform from outbound.companies as c where c.org_id = org and c.id = company for share;
  perform from outbound.users as u where u.org_id = org and u.id = person for share;
  if alone then
    perform set_config('app.signature', '', true);
  end if;
end
$$;

-- The role that a credential acts with is its user's; scopes can only narrow it.
create function ctx.user_role(org uuid, person uuid) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  alone boolean := ctx.org_id() is null;
  found_role text;
begin
  if alone then
    perform ctx.set_scope(org, null, null, 'platform');
  end if;
  select u.role into found_role from outbound.users as u where u.org_id = org and u.id = person;
  if alone then
    perform set_config('app.signature', '', true);
  end if;
  return found_role;
end
$$;

create or replace function ctx.sync_token_credential() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  fresh ctx.credentials;
begin
  perform ctx.hold_parents(new.org_id, new.company_id, new.user_id);
  fresh.hmac := new.hmac;
  fresh.kind := 'token';
  fresh.org_id := new.org_id;
  fresh.id := new.id;
  fresh.company_id := new.company_id;
  fresh.user_id := new.user_id;
  fresh.tier := new.tier;
  fresh.role := ctx.user_role(new.org_id, new.user_id);
  fresh.scopes := new.scopes;
  fresh.expires_at := new.expires_at;
  fresh.closed_at := coalesce(
    new.revoked_at, new.deleted_at,
    case when ctx.parents_closed(new.org_id, new.company_id, new.user_id) then now() end
  );
  perform ctx.put_credential(fresh);
  return null;
end
$$;

create function ctx.sync_session_credential() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  fresh ctx.credentials;
begin
  perform ctx.hold_parents(new.org_id, new.company_id, new.user_id);
  fresh.hmac := sha256(convert_to('session:' || new.id, 'UTF8'));
  fresh.kind := 'session';
  fresh.org_id := new.org_id;
  fresh.id := new.id;
  fresh.company_id := new.company_id;
  fresh.user_id := new.user_id;
  fresh.tier := case when new.company_id is null then 'org' else 'company' end;
  fresh.role := ctx.user_role(new.org_id, new.user_id);
  fresh.expires_at := new.expires_at;
  fresh.closed_at := coalesce(
    new.revoked_at, case when ctx.parents_closed(new.org_id, new.company_id, new.user_id) then now() end
  );
  perform ctx.put_credential(fresh);
  return null;
end
$$;

create trigger sync_credential after insert or update of revoked_at, expires_at on outbound.sessions
for each row execute function ctx.sync_session_credential();

create function ctx.sync_platform_credential() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  fresh ctx.credentials;
begin
  fresh.hmac := new.hmac;
  fresh.kind := 'platform';
  fresh.id := new.id;
  fresh.tier := 'platform';
  fresh.role := 'platform_admin';
  fresh.expires_at := new.expires_at;
  fresh.closed_at := new.revoked_at;
  perform ctx.put_credential(fresh);
  return null;
end
$$;

create trigger sync_credential after insert or update on outbound.platform_tokens
for each row execute function ctx.sync_platform_credential();

create or replace function ctx.sync_hook_credential() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  fresh ctx.credentials;
begin
  if tg_op = 'UPDATE' and old.hook_hmac <> new.hook_hmac then
    update ctx.credentials as c set closed_at = now() where c.hmac = old.hook_hmac;
  end if;
  fresh.hmac := new.hook_hmac;
  fresh.kind := 'hook';
  fresh.org_id := new.org_id;
  fresh.id := new.id;
  fresh.company_id := new.company_id;
  fresh.tier := 'hook';
  fresh.closed_at := new.deleted_at;
  perform ctx.put_credential(fresh);
  return null;
end
$$;

-- Judges every credential below a user, a company or an organization anew. Revoked ones and used links stay closed.
create or replace function ctx.sync_credentials_below() returns trigger
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
  set
    role = coalesce(ctx.user_role(c.org_id, c.user_id), c.role),
    closed_at = coalesce(
      t.revoked_at, t.deleted_at, s.revoked_at,
      case
        when c.kind = 'link' and c.closed_at is not null then c.closed_at
        when c.kind = 'link' then
          case when ctx.parents_closed(c.org_id, c.company_id, null) or new.deleted_at is not null then now() end
        when ctx.parents_closed(c.org_id, c.company_id, c.user_id) then coalesce(c.closed_at, now())
      end
    )
  from ctx.credentials as same
  left join outbound.api_tokens as t on t.org_id = org and t.id = same.id and same.kind = 'token'
  left join outbound.sessions as s on s.org_id = org and s.id = same.id and same.kind = 'session'
  where same.org_id = org and c.hmac = same.hmac and c.kind in ('token', 'session', 'link')
    and new.id in (c.org_id, c.company_id, c.user_id);
  if alone then
    perform set_config('app.signature', '', true);
  end if;
  return null;
end
$$;

drop trigger sync_credentials on outbound.users;
create trigger sync_credentials after update of status, role, deleted_at on outbound.users
for each row execute function ctx.sync_credentials_below();

create or replace function ctx.role_tier() returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case session_user
    when 'outbound_org' then 'org'
    when 'outbound_company' then 'company'
    when 'outbound_worker' then 'worker'
    when 'outbound_platform' then 'platform'
    when 'outbound_public' then 'hook'
  end
$$;

-- The door for API tokens, sessions and webhook paths: the first statement of a request's transaction. The kind is the
-- ticket's, which its signature covers; the tier is the login role's.
drop function ctx.open(text);
create function ctx.open(
  ticket text, out org_id uuid, out company_id uuid, out user_id uuid, out credential_id uuid, out tier text,
  out kind text, out role text, out scopes text[]
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  wanted_tier text := ctx.role_tier();
  wanted_kind text := case
    when wanted_tier = 'hook' then 'hook'
    when wanted_tier in ('org', 'company') and split_part(ticket, ':', 2) = 'session' then 'session'
    when wanted_tier in ('org', 'company') then 'token'
  end;
  subject text;
begin
  perform ctx.refuse_second_context();
  subject := ctx.ticket_subject(ticket, wanted_kind);
  if subject ~ '^[0-9a-f]{64}$' then
    select c.org_id, c.company_id, c.user_id, c.id, c.tier, c.kind, c.role, c.scopes
    into org_id, company_id, user_id, credential_id, tier, kind, role, scopes
    from ctx.credentials as c
    where c.hmac = decode(subject, 'hex')
      and c.closed_at is null
      and (c.expires_at is null or c.expires_at > clock_timestamp())
      and c.tier = wanted_tier
      and c.kind = wanted_kind;
  end if;
  if tier is null then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  perform ctx.set_scope(org_id, company_id, coalesce(user_id, credential_id), tier);
end
$$;

-- The operator's door. The subject is a token's HMAC, or 'operator' for our own command line, and after a dot the one
-- organization to open; without it nothing of any tenant is seen.
create function ctx.open_platform(ticket text, out org_id uuid, out credential_id uuid)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  subject text := ctx.ticket_subject(ticket, 'platform');
  who text := split_part(subject, '.', 1);
begin
  perform ctx.refuse_second_context();
  if who ~ '^[0-9a-f]{64}$' then
    select c.id into credential_id
    from ctx.credentials as c
    where c.hmac = decode(who, 'hex') and c.kind = 'platform' and c.closed_at is null
      and (c.expires_at is null or c.expires_at > clock_timestamp());
  end if;
  if ctx.role_tier() is distinct from 'platform' or (credential_id is null and who is distinct from 'operator') then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  org_id := nullif(split_part(subject, '.', 2), '')::uuid;
  perform ctx.set_scope(org_id, null, credential_id, 'platform');
end
$$;

-- Which organizations there are, newest first: ids only, and only to the operator. Each is then opened by itself.
create function ctx.list_tenants(before uuid, amount integer) returns table (org_id uuid)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if (select s.tier from ctx.scope() as s) is distinct from 'platform' then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  return query
  select t.org_id from ctx.tenants as t
  where t.deleted_at is null and (before is null or t.org_id < before)
  order by t.org_id desc
  limit amount;
end
$$;

reset role;

-- As the migrator, whom the fences do not bind: what was there before these tables were.
insert into ctx.tenants (org_id, slug, status, deleted_at)
select
  o.id,
  o.slug,
  o.status,
  o.deleted_at
from outbound.organizations as o
on conflict do nothing;
update ctx.credentials as c
set role = u.role
from outbound.users as u
where c.user_id = u.id and c.org_id = u.org_id;
