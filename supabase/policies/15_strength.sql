-- No user acts on a stronger one, and none makes what can do more, or lasts longer, than they do themselves. One
-- function decides, by what the target may do; triggers ask it for every write, so that no way in can forget to.

-- What each role includes, as in `api/access/permissions.py`; a test holds the two together.
create or replace function ctx.role_permissions(role text) returns text[]
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case role
    when 'platform_admin' then array[
      'platform:read', 'platform:write'
    ]
    when 'org_admin' then array[
      'audit:read', 'campaigns:read', 'campaigns:write', 'capabilities:read', 'companies:read',
      'companies:write', 'company:read', 'company:write', 'connections:read', 'connections:write',
      'conversations:read', 'conversations:write', 'dashboards:read', 'entitlements:read',
      'entitlements:write', 'events:read', 'imports:read', 'imports:write', 'leads:read', 'leads:write',
      'organization:read', 'organization:write', 'senders:read', 'suppressions:read',
      'suppressions:write', 'tokens:read', 'tokens:write', 'users:read', 'users:write'
    ]
    when 'org_member' then array[
      'campaigns:read', 'campaigns:write', 'capabilities:read', 'companies:read', 'company:read',
      'connections:read', 'conversations:read', 'conversations:write', 'dashboards:read', 'entitlements:read',
      'events:read', 'imports:read', 'imports:write', 'leads:read', 'leads:write',
      'organization:read', 'senders:read', 'suppressions:read', 'suppressions:write', 'users:read'
    ]
    when 'company_admin' then array[
      'audit:read', 'campaigns:read', 'campaigns:write', 'capabilities:read', 'company:read',
      'company:write', 'conversations:read', 'conversations:write', 'dashboards:read', 'events:read', 'imports:read',
      'imports:write', 'leads:read', 'leads:write', 'senders:read', 'suppressions:read',
      'suppressions:write', 'tokens:read', 'tokens:write', 'users:read', 'users:write'
    ]
    when 'company_member' then array[
      'campaigns:read', 'campaigns:write', 'capabilities:read', 'company:read',
      'conversations:read', 'conversations:write', 'dashboards:read', 'events:read', 'imports:read', 'imports:write',
      'leads:read', 'leads:write', 'senders:read', 'suppressions:read', 'suppressions:write'
    ]
    else '{}'::text[]
  end
$$;

-- What a credential may do: what its role includes, as far as its scopes let it.
create or replace function ctx.permissions(role text, scopes text[]) returns text[]
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(p.name), '{}')
  from unnest(ctx.role_permissions(role)) as p (name)
  where scopes is null or p.name = any(scopes)
$$;

-- The one judge: null where the caller may act on a user of this role and these scopes, else the code of the refusal.
-- `ends` is when a token that is being made would end, `infinity` if never; `person` is another person that it would
-- act as. Only an organization's and a company's callers are judged: no other context has a credential.
create or replace function ctx.beyond_caller(role text, scopes text[], ends timestamptz, person uuid) returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  caller record;
  own ctx.credentials;
  allowed text[];
begin
  select s.org_id, s.company_id, s.user_id, s.tier into caller from ctx.scope() as s;
  if caller.tier is null or caller.tier not in ('org', 'company') then
    return null;
  end if;
  select c.* into own
  from ctx.credentials as c
  where c.org_id = caller.org_id and c.company_id is not distinct from caller.company_id
    and c.id = ctx.credential_id() and c.kind in ('token', 'session');
  allowed := ctx.permissions(own.role, own.scopes);
  if not ctx.permissions(role, scopes) <@ allowed then
    return 'beyond_own_permissions';
  end if;
  if ends > own.expires_at and own.kind = 'token' then
    return 'expires_beyond_own';
  end if;
  if person <> caller.user_id and not 'users:write' = any(allowed) then
    return 'not_for_others';
  end if;
  return null;
end
$$;

-- Refuses a write whose target the judge finds too strong.
create or replace function ctx.refuse_beyond(role text, scopes text[], ends timestamptz, person uuid) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  code text := ctx.beyond_caller(role, scopes, ends, person);
begin
  if code is not null then
    raise exception 'beyond what the caller may do' using errcode = '23514', constraint = code;
  end if;
end
$$;

-- Of users: who is made, and who is changed, before and after. What a program may do is judged with its token.
create or replace function ctx.judge_user() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'UPDATE' then
    perform ctx.refuse_beyond(old.role, null, null, null);
  end if;
  if tg_op = 'UPDATE' or new.kind = 'person' then
    perform ctx.refuse_beyond(new.role, null, null, null);
  end if;
  return null;
end
$$;

-- Of tokens: what is made, and what is ended; any caller ends its own.
create or replace function ctx.judge_token() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  role text := ctx.user_role(new.org_id, new.user_id);
begin
  if tg_op = 'UPDATE' then
    if new.id is distinct from ctx.credential_id() then
      perform ctx.refuse_beyond(role, old.scopes, null, null);
    end if;
    return null;
  end if;
  perform ctx.refuse_beyond(role, new.scopes, coalesce(new.expires_at, 'infinity'), (
    select u.id from outbound.users as u where u.org_id = new.org_id and u.id = new.user_id and u.kind = 'person'
  ));
  return null;
end
$$;

-- Of sessions: another person's.
create or replace function ctx.judge_session() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.user_id is distinct from (select s.user_id from ctx.scope() as s) then
    perform ctx.refuse_beyond(ctx.user_role(new.org_id, new.user_id), null, null, null);
  end if;
  return null;
end
$$;

create or replace trigger judge after insert or update on outbound.users
for each row execute function ctx.judge_user();
create or replace trigger judge after insert or update of revoked_at, expires_at, replaced_by on outbound.api_tokens
for each row execute function ctx.judge_token();
create or replace trigger judge after update of revoked_at on outbound.sessions
for each row execute function ctx.judge_session();

grant execute on function ctx.beyond_caller(text, text[], timestamptz, uuid) to outbound_org, outbound_company;
