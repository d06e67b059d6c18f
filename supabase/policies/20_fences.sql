-- One mechanism for every table, so that none can be forgotten: a restrictive fence per tenant table that binds even
-- the owner, a second one for company roles, and one permissive policy per verb and role that 10_grants.sql granted.
-- `(select …)` makes each fence one InitPlan per statement; a bare call would run once per row.

set role outbound_owner;

do $$
declare
  tab record;
  old record;
  grantee text;
  verb text;
  tenant_column text;
  visible text;
begin
  for tab in
    select c.oid, c.relname as name,
      exists (
        select from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped
      ) as has_org,
      exists (
        select from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attname = 'company_id' and not a.attisdropped
      ) as has_company,
      exists (
        select from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attname = 'deleted_at' and not a.attisdropped
      ) as has_deleted
    from pg_catalog.pg_class as c
    where c.relnamespace = 'outbound'::regnamespace and c.relkind in ('r', 'p')
    order by c.relname
  loop
    for old in select p.polname from pg_catalog.pg_policy as p where p.polrelid = tab.oid loop
      execute format('drop policy %I on outbound.%I', old.polname, tab.name);
    end loop;

    tenant_column := case
      when tab.name = 'organizations' then 'id'
      when tab.has_org then 'org_id'
    end;
    if tenant_column is not null then
      execute format(
        'create policy tenant_fence on outbound.%I as restrictive for all to public '
        'using (%2$I = (select ctx.org_id())) with check (%2$I = (select ctx.org_id()))',
        tab.name, tenant_column
      );
    end if;
    if tab.has_company or tab.name = 'companies' then
      execute format(
        'create policy company_fence on outbound.%I as restrictive for all '
        'to outbound_company, dashboard_company '
        'using ((org_id, %2$I) = (select s.org_id, s.company_id from ctx.scope() as s)) '
        'with check ((org_id, %2$I) = (select s.org_id, s.company_id from ctx.scope() as s))',
        tab.name, case tab.name when 'companies' then 'id' else 'company_id' end
      );
    end if;

    -- Definer functions run as the owner: inside the fence, and seeing what is soft-deleted.
    execute format('create policy owner_all on outbound.%I to outbound_owner using (true) with check (true)', tab.name);

    -- A row deleted by this very transaction stays visible to it: a strict filter would make the deleting update
    -- fail its own policy.
    visible := case
      when tab.has_deleted then '(deleted_at is null or deleted_at = transaction_timestamp())' else 'true'
    end;
    foreach grantee in array array['outbound_platform', 'outbound_org', 'outbound_company', 'outbound_worker'] loop
      foreach verb in array array['select', 'insert', 'update', 'delete'] loop
        if pg_catalog.has_any_column_privilege(
          grantee, tab.oid, case verb when 'delete' then 'select' else verb end
        ) and (verb <> 'delete' or pg_catalog.has_table_privilege(grantee, tab.oid, 'delete')) then
          execute format(
            'create policy %I on outbound.%I for %s to %I %s',
            grantee || '_' || verb, tab.name, verb, grantee,
            case verb
              when 'select' then 'using (' || visible || ')'
              when 'insert' then 'with check (true)'
              when 'update' then 'using (' || visible || ') with check (true)'
              else 'using (true)'
            end
          );
        end if;
      end loop;
    end loop;
  end loop;
end
$$;

reset role;
