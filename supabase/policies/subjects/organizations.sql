-- Organizations: the tenants, the operator's tokens and brake, and how a tenant ends.

create or replace function ctx.sync_tenant() returns trigger
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

create or replace function ctx.sync_platform_credential() returns trigger
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

-- Which organizations there are, newest first: ids only, and only to the operator. Each is then opened by itself.
create or replace function ctx.list_tenants(before uuid, amount integer) returns table (org_id uuid)
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

-- The operator's brake: everything of the open organization, or of one of its companies, stops. Nothing starts by
-- itself afterwards.
create or replace function ctx.stop(company uuid) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  asker record;
begin
  select s.org_id, s.tier into asker from ctx.scope() as s;
  if asker.tier is distinct from 'platform' or asker.org_id is null then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  return outbound.pause_campaigns(asker.org_id, company, null, 'operator');
end
$$;

-- How a tenant ends: its campaigns are paused first, everywhere and by the database itself; what a provider still has
-- to be told is told; then credentials are destroyed and rows go. A closed tenant's work is pausing, stopping and
-- erasing. A trigger of organizations and companies alike.
create or replace function outbound.close_tenant() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  org uuid := case tg_table_name when 'organizations' then new.id else nullif(to_jsonb(new) ->> 'org_id', '')::uuid end;
  company uuid := case tg_table_name when 'companies' then new.id end;
  alone boolean := ctx.org_id() is null;
begin
  if old.status = 'deleting' and new.status <> 'deleting' then
    raise exception 'it is being deleted' using errcode = '23514', constraint = 'tenant_deleting';
  end if;
  if alone then
    perform ctx.set_scope(org, null, null, 'platform');
  end if;
  if old.status = 'active' and new.status <> 'active' then
    perform outbound.pause_campaigns(org, company, null, 'suspended');
  end if;
  if new.status = 'deleting' and old.status <> 'deleting' then
    update outbound.companies as c set status = 'deleting'
    where company is null and c.org_id = org and c.status <> 'deleting' and c.deleted_at is null;
    update outbound.connections as k set closing_at = now()
    where k.org_id = org and (company is null or k.company_id = company)
      and k.closing_at is null and k.status <> 'disconnected' and k.deleted_at is null;
    perform jobs.enqueue('tenant.erase', new.id);
  end if;
  if alone then
    perform set_config('app.signature', '', true);
  end if;
  return null;
end
$$;

-- The tables whose rows go with a tenant: all that can be soft-deleted, children before their parents. Those that belong
-- to no company go with the organization alone.
create or replace function outbound.erasable_tables() returns table (name text, of_company boolean)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with recursive level (id, depth) as (
    select c.oid, 0
    from pg_class as c
    where c.relnamespace = 'outbound'::regnamespace and c.relkind in ('r', 'p')
    union
    select k.conrelid, level.depth + 1
    from level
    inner join pg_constraint as k on k.confrelid = level.id and k.contype = 'f' and k.conrelid <> k.confrelid
    where level.depth < 20
  ),
  held as (
    select a.attrelid as id, array_agg(a.attname::text) as columns
    from pg_class as c
    inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'outbound'::regnamespace
    group by a.attrelid
  )
  select c.relname::text, 'company_id' = any(held.columns)
  from pg_class as c
  inner join held on held.id = c.oid and held.columns @> array['org_id', 'deleted_at']
  where c.relnamespace = 'outbound'::regnamespace and c.relname <> 'companies'
  order by (select max(level.depth) from level where level.id = c.oid) desc, c.relname
$$;

-- Takes some of what is kept of lists away, which has no `deleted_at`: a company's, or with null the organization's.
create or replace function outbound.erase_lists(company uuid) returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  org uuid := ctx.org_id();
  touched bigint;
  total bigint := 0;
begin
  delete from outbound.import_chunks as c where c.org_id = org and c.id in (
    select k.id from outbound.import_chunks as k
    where k.org_id = org and (company is null or k.company_id = company)
    limit 50
  );
  get diagnostics total = row_count;
  delete from outbound.import_results as r where r.org_id = org and r.id in (
    select k.id from outbound.import_results as k
    where k.org_id = org and (company is null or k.company_id = company)
    limit 500
  );
  get diagnostics touched = row_count;
  return total + touched;
end
$$;

-- Takes away what is left of a company or an organization that is being deleted, some thousand rows at a time. Returns
-- how many rows it took; 0 when it is done, null when a provider must be told something first. The senders of the
-- organization's accounts go with the organization; with a company they are nobody's again.
create or replace function outbound.erase_tenant(subject uuid, batch integer) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  org uuid := ctx.org_id();
  whole boolean := subject = org;
  tab record;
  touched bigint;
  total bigint := 0;
begin
  if (select s.tier from ctx.scope() as s) is distinct from 'worker' then
    raise exception 'no context' using errcode = '42501';
  end if;
  if not exists (
    select from outbound.organizations as o where whole and o.id = org and o.status = 'deleting'
    union all
    select from outbound.companies as c where c.org_id = org and c.id = subject and c.status = 'deleting'
  ) then
    return 0;
  end if;
  if exists (
    select from outbound.connections as k
    where k.org_id = org and (whole or k.company_id = subject) and k.deleted_at is null and k.status <> 'disconnected'
  ) or (whole and exists (select from outbound.companies as c where c.org_id = org and c.deleted_at is null)) then
    return null;
  end if;
  for tab in select e.name, e.of_company from outbound.erasable_tables() as e where whole or e.of_company loop
    execute format(
      'update outbound.%1$I as t set deleted_at = now() where t.org_id = $1 and t.deleted_at is null and %2$s '
      'and t.id in (select u.id from outbound.%1$I as u where u.org_id = $1 and u.deleted_at is null and %3$s limit $3)',
      tab.name,
      case when whole then 'true' else 't.company_id = $2' end,
      case when whole then 'true' else 'u.company_id = $2' end
    ) using org, subject, batch;
    get diagnostics touched = row_count;
    total := total + touched;
    exit when total >= batch;
  end loop;
  if total < batch then
    total := total + outbound.erase_lists(case when not whole then subject end);
  end if;
  if total = 0 then
    if whole then
      update outbound.organizations as o set deleted_at = now() where o.id = org and o.deleted_at is null;
    else
      update outbound.account_senders as s set assigned_to = null, decided_at = null
      where s.org_id = org and s.assigned_to = subject;
      update outbound.companies as c set deleted_at = now()
      where c.org_id = org and c.id = subject and c.deleted_at is null;
      if exists (select from outbound.organizations as o where o.id = org and o.status = 'deleting') then
        perform jobs.enqueue('tenant.erase', org);
      end if;
    end if;
  end if;
  return total;
end
$$;

create or replace function outbound.organization_document(o outbound.organizations) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', o.id, 'name', o.name, 'slug', o.slug, 'status', o.status, 'sandbox', o.sandbox, 'metadata', o.metadata,
    'require_postal_address', o.require_postal_address, 'created_at', o.created_at, 'updated_at', o.updated_at
  )
$$;

create or replace trigger sync_tenant after insert or update of slug, status, deleted_at on outbound.organizations
for each row execute function ctx.sync_tenant();
create or replace trigger sync_credentials after update of status, deleted_at on outbound.organizations
for each row execute function ctx.sync_credentials_below();
create or replace trigger close_tenant after update of status on outbound.organizations
for each row when (new.status <> old.status) execute function outbound.close_tenant();
create or replace trigger sync_credential after insert or update on outbound.platform_tokens
for each row execute function ctx.sync_platform_credential();

-- When there is work: a company or the organization itself is being deleted.
create or replace view jobs.due_organizations with (security_invoker = true) as
select
  c.org_id,
  c.id as subject,
  null::text as step,
  c.updated_at as due_at
from outbound.companies as c
where c.status = 'deleting' and c.deleted_at is null
union all
select
  o.id,
  o.id as subject,
  null::text as step,
  o.updated_at as due_at
from outbound.organizations as o
where o.status = 'deleting' and o.deleted_at is null;
comment on view jobs.due_organizations is 'tenant.erase';

grant execute on function outbound.organization_document(outbound.organizations) to outbound_platform, outbound_org;
grant select on outbound.organizations to outbound_platform, outbound_org, outbound_worker;
grant insert (id, name, slug, metadata, sandbox), update (name, slug, status, metadata) on outbound.organizations
to outbound_platform;
grant update (name, metadata, require_postal_address) on outbound.organizations to outbound_org;
grant select (id, name, last_four, expires_at, revoked_at, created_at, updated_at),
insert (name, hmac, last_four, expires_at), update (revoked_at) on outbound.platform_tokens to outbound_platform;
