-- Credentials: every one of them is a row of ctx.credentials, kept in step by triggers, so that closing a user, a
-- company or an organization closes all that stands below it with the next request.

-- Makes a credential, or closes what may not open a context any more. Called by the triggers of the tables that own
-- credentials.
create or replace function ctx.put_credential(fresh ctx.credentials) returns void
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

-- Whether a user, a company or an organization is not active or is deleted. Where no context is open, as for the
-- migrator, it opens the organization's own: the fence binds this function's owner too.
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
create or replace function ctx.lock_parents(org uuid, company uuid, person uuid) returns void
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
create or replace function ctx.user_role(org uuid, person uuid) returns text
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

-- Judges every credential below a user, a company or an organization anew: closed with it, and opened again with it
-- unless revoked itself. Revoked ones and used links stay closed. A trigger of all three tables.
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
