-- name: authenticator :one
-- What Supabase's PostgREST reads from the role that it logs in with; no row where there is no such role.
select
  substr(called.setting, length('pgrst.db_pre_request=') + 1) as pre_request,
  substr(served.setting, length('pgrst.db_schemas=') + 1) as schemas
from pg_catalog.pg_roles as r
left join pg_catalog.pg_db_role_setting as s on r.oid = s.setrole and s.setdatabase = 0
left join lateral unnest(s.setconfig) as called (setting) on called.setting like 'pgrst.db\_pre\_request=%%'
left join lateral unnest(s.setconfig) as served (setting) on served.setting like 'pgrst.db\_schemas=%%'
where r.rolname = 'authenticator';
