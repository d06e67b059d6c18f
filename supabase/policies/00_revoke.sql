-- Everything is taken back first, so that the grants of the pages beside this one and in `subjects/` are the whole
-- truth: by column, who may touch what. No company role holds a column that could name a provider. Nobody gets
-- TRUNCATE, REFERENCES, TRIGGER or CREATE.

set role outbound_owner;

do $$
declare
  item record;
  logins constant text := 'outbound_platform, outbound_org, outbound_company, outbound_worker, outbound_public';
begin
  for item in
    select n.nspname, c.relname
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs') and c.relkind in ('r', 'p', 'v')
  loop
    execute format('revoke all on %I.%I from public, dashboard_org, dashboard_company, %s',
      item.nspname, item.relname, logins);
  end loop;
  for item in
    select p.oid::regprocedure as signature
    from pg_catalog.pg_proc as p
    inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs')
  loop
    execute format('revoke all on routine %s from public, dashboard_org, dashboard_company, %s',
      item.signature, logins);
  end loop;
end
$$;

revoke all on schema dashboard from public;
grant usage on schema outbound, ctx, jobs to outbound_org, outbound_company, outbound_worker, outbound_platform;
grant usage on schema ctx to outbound_public;

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

-- Nobody makes temporary objects or schemas. Only the database's owner can take this back; elsewhere it is a warning.
do $$
begin
  execute format('revoke temporary, create on database %I from public', current_database());
end
$$;

alter role outbound_platform set statement_timeout = '15s';
alter role outbound_org set statement_timeout = '15s';
alter role outbound_company set statement_timeout = '15s';
alter role outbound_worker set statement_timeout = '30s';
alter role outbound_public set statement_timeout = '10s';
alter role outbound_public set synchronous_commit = 'on';
