-- Everything is taken back first, so that the grants of the pages beside this one and in `subjects/` are the whole
-- truth: by column, who may touch what. No company role holds a column that could name a provider. No role gets
-- TRUNCATE, REFERENCES, TRIGGER or CREATE.

set role outbound_owner;

-- Every grantee loses every privilege, whichever role it is and whichever role granted it.
do $$
declare
  item record;
begin
  for item in
    select distinct owned.what, coalesce(quote_ident(r.rolname), 'public') as grantee
    from (
      select format('schema %I', n.nspname) as what, n.nspacl as acl, n.nspowner as owner
      from pg_catalog.pg_namespace as n
      where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs')
      union all
      select format(case c.relkind when 'S' then 'sequence %I.%I' else 'table %I.%I' end, n.nspname, c.relname),
        c.relacl, c.relowner
      from pg_catalog.pg_class as c
      inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs') and c.relkind in ('r', 'p', 'v', 'm', 'S')
      union all
      select format('table %I.%I', n.nspname, c.relname), a.attacl, c.relowner
      from pg_catalog.pg_attribute as a
      inner join pg_catalog.pg_class as c on c.oid = a.attrelid
      inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs') and a.attacl is not null
      union all
      select format('routine %s', p.oid::regprocedure), coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner
      from pg_catalog.pg_proc as p
      inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
      where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs')
    ) as owned
    cross join lateral aclexplode(owned.acl) as x
    left join pg_catalog.pg_roles as r on r.oid = x.grantee
    where x.grantee <> owned.owner
  loop
    execute format('revoke all on %s from %s cascade', item.what, item.grantee);
  end loop;
end
$$;

grant usage on schema outbound, ctx, jobs to outbound_org, outbound_company, outbound_worker, outbound_platform;
grant usage on schema ctx to outbound_public;
grant usage on schema dashboard, ctx to dashboard_org, dashboard_company;

-- The queue's own tables, for the worker that runs it.
do $$
begin
  if to_regclass('jobs.procrastinate_jobs') is not null then
    grant select, insert, update, delete on jobs.procrastinate_jobs, jobs.procrastinate_workers,
    jobs.procrastinate_periodic_defers to outbound_worker;
    grant select, insert on jobs.procrastinate_events to outbound_worker;
    grant usage on all sequences in schema jobs to outbound_worker;
    grant execute on all functions in schema jobs to outbound_worker;
  end if;
end
$$;

reset role;

-- No role makes temporary objects or schemas. Only the database's owner can take this back; elsewhere it is a warning.
do $$
begin
  execute format('revoke temporary, create on database %I from public', current_database());
end
$$;

-- No role keeps large objects, which no policy is on. Only their owner can take this back; elsewhere it is a warning,
-- but an error for functions that no role may call any more: those are left out.
do $$
declare
  item record;
begin
  for item in
    select p.oid::regprocedure as name
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'pg_catalog'::regnamespace and (p.proname like 'lo\_%' or p.proname in ('loread', 'lowrite'))
      and has_function_privilege('public', p.oid, 'execute')
  loop
    execute format('revoke execute on function %s from public', item.name);
  end loop;
end
$$;

alter role outbound_platform set statement_timeout = '15s';
alter role outbound_org set statement_timeout = '15s';
alter role outbound_company set statement_timeout = '15s';
alter role outbound_worker set statement_timeout = '30s';
alter role outbound_public set statement_timeout = '10s';
alter role outbound_public set synchronous_commit = 'on';
alter role outbound_postgrest set statement_timeout = '10s';
alter role outbound_postgrest set default_transaction_read_only = 'on';
alter role dashboard_org set statement_timeout = '10s';
alter role dashboard_company set statement_timeout = '10s';
