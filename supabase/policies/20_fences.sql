-- name: wanted_policies :many
-- Which policies there must be, made from the catalog for every table, so that none can be forgotten: a restrictive
-- fence per tenant table that binds even the owner, a second one for company roles, and one permissive policy per verb
-- and role that the pages grant. `(select …)` makes each fence one InitPlan per statement; a bare call would run once
-- per row. A row deleted by this very transaction stays visible to it: a strict filter would make the deleting update
-- fail its own policy. Definer functions run as the owner: inside the fence, and seeing what is soft-deleted.
with tab as (
  select
    c.oid,
    c.relname::text as name,
    case
      when c.relname = 'organizations' then 'id'
      when 'org_id' = any(listed.columns) then 'org_id'
    end as org_column,
    case
      when c.relname = 'companies' then 'id'
      when 'company_id' = any(listed.columns) then 'company_id'
    end as company_column,
    case
      when 'deleted_at' = any(listed.columns) then '(deleted_at is null or deleted_at = transaction_timestamp())'
      else 'true'
    end as visible,
    case when 'deleted_at' = any(listed.columns) then 'deleted_at is null' else 'true' end as shown
  from pg_catalog.pg_class as c
  cross join lateral (
    select array_agg(a.attname::text) as columns
    from pg_catalog.pg_attribute as a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  ) as listed
  where c.relnamespace = 'outbound'::regnamespace and c.relkind in ('r', 'p')
),

wanted as (
  select
    tab.name as relation,
    'tenant_fence' as policy,
    format(
      'as restrictive for all to public using (%%1$I = (select ctx.org_id())) with check (%%1$I = (select ctx.org_id()))',
      tab.org_column
    ) as rest
  from tab
  where tab.org_column is not null

  union all

  select
    tab.name,
    'company_fence',
    format(
      'as restrictive for all to outbound_company, dashboard_company '
      'using ((org_id, %%1$I) = (select s.org_id, s.company_id from ctx.scope() as s)) '
      'with check ((org_id, %%1$I) = (select s.org_id, s.company_id from ctx.scope() as s))',
      tab.company_column
    )
  from tab
  where tab.company_column is not null

  union all

  -- The operator's tokens belong to no tenant: a caller outside the operator's context sees and writes none.
  select
    tab.name,
    'operator_fence',
    'as restrictive for all to public using ((select s.tier from ctx.scope() as s) = ''platform'') '
    'with check ((select s.tier from ctx.scope() as s) = ''platform'')'
  from tab
  where tab.name = 'platform_tokens'

  union all

  -- The platform's list is written and read in the operator's context alone; only the walls, which run as the owner, ask
  -- it in whichever context.
  select
    tab.name,
    'operator_fence',
    'as restrictive for all to outbound_platform, outbound_org, outbound_company, outbound_worker, outbound_public, '
    'dashboard_org, dashboard_company using ((select s.tier from ctx.scope() as s) = ''platform'') '
    'with check ((select s.tier from ctx.scope() as s) = ''platform'')'
  from tab
  where tab.name = 'platform_suppressions'

  union all

  select
    tab.name,
    'owner_all',
    'to outbound_owner using (true) with check (true)'
  from tab

  union all

  select
    tab.name,
    r.name || '_' || v.verb,
    format('for %%s to %%I ', v.verb, r.name) || case v.verb
      when 'select' then 'using (' || case when r.name like 'dashboard\_%%' then tab.shown else tab.visible end || ')'
      when 'insert' then 'with check (true)'
      when 'update' then 'using (' || tab.visible || ') with check (true)'
      else 'using (true)'
    end
  from tab
  cross join
    unnest(array[
      'outbound_platform', 'outbound_org', 'outbound_company', 'outbound_worker', 'dashboard_org', 'dashboard_company'
    ]) as r (name)
  cross join unnest(array['select', 'insert', 'update', 'delete']) as v (verb)
  where case v.verb
    when 'delete' then pg_catalog.has_table_privilege(r.name, tab.oid, 'delete')
      and pg_catalog.has_any_column_privilege(r.name, tab.oid, 'select')
    else pg_catalog.has_any_column_privilege(r.name, tab.oid, v.verb)
  end
)

select
  format('%%I on outbound.%%I', wanted.policy, wanted.relation) as name,
  format('create policy %%I on outbound.%%I %%s', wanted.policy, wanted.relation, wanted.rest) as statement
from wanted
order by 1;

-- name: unfenced_tables :many
-- Tables of ours on which row level security is not on and forced for every role, the owner included.
select c.oid::regclass::text as name
from pg_catalog.pg_class as c
where
  c.relnamespace in ('outbound'::regnamespace, 'ctx'::regnamespace) and c.relkind in ('r', 'p')
  and not (c.relrowsecurity and c.relforcerowsecurity)
order by 1;
