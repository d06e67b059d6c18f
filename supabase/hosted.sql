-- Applied by `outbound migrate --supabase`, and by nothing else: a hosted PostgREST serves the project's own schemas too, and
-- calls one function before every request. What is none of a dashboard's passes; ours stay shut to the project's roles.
create or replace function public.outbound_pre_request() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('role') in ('dashboard_org', 'dashboard_company') then
    perform ctx.pre_request();
  end if;
end
$$;

comment on function public.outbound_pre_request is
'Opens the context of a dashboard''s request. PostgREST calls it first (pgrst.db_pre_request).';

-- The project's PostgREST may become the roles of dashboards, serves their views, and calls the function above unless it
-- calls one of the project's own already: that is left as it is, since it has to call ours.
do $$
declare
  settings text[] := coalesce((
    select s.setconfig
    from pg_catalog.pg_db_role_setting as s
    inner join pg_catalog.pg_roles as r on s.setrole = r.oid
    where r.rolname = 'authenticator' and s.setdatabase = 0
  ), '{}');
  schemas text := coalesce((
    select nullif(substr(kept.setting, length('pgrst.db_schemas=') + 1), '')
    from unnest(settings) as kept (setting)
    where starts_with(kept.setting, 'pgrst.db_schemas=')
  ), 'public, graphql_public');
begin
  grant dashboard_org to authenticator;
  grant dashboard_company to authenticator;
  if not exists (
    select from unnest(settings) as kept (setting) where starts_with(kept.setting, 'pgrst.db_pre_request=')
  ) then
    alter role authenticator set pgrst.db_pre_request = 'public.outbound_pre_request';
  end if;
  if not 'dashboard' = any(regexp_split_to_array(schemas, '\s*,\s*')) then
    execute format('alter role authenticator set pgrst.db_schemas = %L', schemas || ', dashboard');
  end if;
end
$$;

notify pgrst, 'reload config';
notify pgrst, 'reload schema';
