-- name: roles :many
-- Our roles, whether they log in, and what they are members of.
select
  r.rolname as name,
  r.rolcanlogin as login,
  r.rolbypassrls as bypasses,
  coalesce(
    (
      select string_agg(g.rolname, ', ' order by g.rolname)
      from pg_catalog.pg_auth_members as m
      inner join pg_catalog.pg_roles as g on m.roleid = g.oid
      where m.member = r.oid
    ),
    ''
  ) as member_of
from pg_catalog.pg_roles as r
where starts_with(r.rolname, 'outbound_') or starts_with(r.rolname, 'dashboard_')
order by r.rolname;

-- name: tables :many
-- Our tables and views, each with its comment in the catalog and whether row level security is enabled and forced. On a
-- view it is that of its tables, where the view acts with its reader's rights.
select
  c.oid::bigint as id,
  n.nspname as schema,
  c.relname as name,
  obj_description(c.oid, 'pg_class') as about,
  c.relrowsecurity or coalesce(c.reloptions @> array['security_invoker=true'], false) as enabled,
  c.relforcerowsecurity or c.relkind = 'v' as forced
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where n.nspname in ('outbound', 'ctx', 'dashboard') and c.relkind in ('r', 'p', 'v')
order by n.nspname desc, c.relname asc;

-- name: migrations :many
-- The recorded migrations: a comment right above a table says why it exists.
select array_to_string(m.statements, E'\n') as text
from supabase_migrations.schema_migrations as m
order by m.version;

-- name: columns :many
-- Columns with their type and default; a generated one has its expression there.
select
  a.attrelid::bigint as id,
  a.attname as name,
  format_type(a.atttypid, a.atttypmod) as type,
  a.attnotnull as required,
  a.attgenerated <> '' as generated,
  pg_get_expr(d.adbin, d.adrelid) as expression
from pg_catalog.pg_attribute as a
inner join pg_catalog.pg_class as c on a.attrelid = c.oid
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
left join pg_catalog.pg_attrdef as d on a.attrelid = d.adrelid and a.attnum = d.adnum
where
  n.nspname in ('outbound', 'ctx', 'dashboard') and c.relkind in ('r', 'p', 'v')
  and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum;

-- name: column_rights :many
-- What each role may do with each column: S for select, I for insert, U for update.
select
  a.attrelid::bigint as id,
  a.attname as name,
  r.rolname as role,
  concat(
    case when has_column_privilege(r.oid, a.attrelid, a.attnum, 'select') then 'S' end,
    case when has_column_privilege(r.oid, a.attrelid, a.attnum, 'insert') then 'I' end,
    case when has_column_privilege(r.oid, a.attrelid, a.attnum, 'update') then 'U' end
  ) as rights
from pg_catalog.pg_attribute as a
inner join pg_catalog.pg_class as c on a.attrelid = c.oid
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
cross join pg_catalog.pg_roles as r
where
  n.nspname in ('outbound', 'ctx', 'dashboard') and c.relkind in ('r', 'p', 'v')
  and a.attnum > 0 and not a.attisdropped
  and (starts_with(r.rolname, 'outbound_') or starts_with(r.rolname, 'dashboard_')) and r.rolname <> 'outbound_owner'
order by a.attrelid, a.attnum, r.rolname;

-- name: table_rights :many
-- Rights that only a whole table can have: delete, and those that no role should have.
select
  c.oid::bigint as id,
  right_name as name,
  string_agg(r.rolname, ', ' order by r.rolname) as roles
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
cross join pg_catalog.pg_roles as r
cross join unnest(array['delete', 'truncate', 'references', 'trigger']) as right_name
where
  n.nspname in ('outbound', 'ctx', 'dashboard') and c.relkind in ('r', 'p', 'v')
  and (starts_with(r.rolname, 'outbound_') or starts_with(r.rolname, 'dashboard_')) and r.rolname <> 'outbound_owner'
  and has_table_privilege(r.oid, c.oid, right_name)
group by c.oid, right_name
order by c.oid, right_name;

-- name: constraints :many
-- Primary and unique keys, foreign keys and checks. Null constraints are shown beside their columns.
select
  k.conrelid::bigint as id,
  k.contype::text as kind,
  k.conname as name,
  pg_get_constraintdef(k.oid) as definition
from pg_catalog.pg_constraint as k
inner join pg_catalog.pg_class as c on k.conrelid = c.oid
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where n.nspname in ('outbound', 'ctx') and k.contype in ('p', 'u', 'f', 'c')
order by k.conrelid, array_position(array['p', 'u', 'f', 'c'], k.contype::text), k.conname;

-- name: indexes :many
-- Indexes that no constraint owns.
select
  i.indrelid::bigint as id,
  x.relname as name,
  i.indisunique as is_unique,
  pg_get_indexdef(i.indexrelid) as definition
from pg_catalog.pg_index as i
inner join pg_catalog.pg_class as x on i.indexrelid = x.oid
inner join pg_catalog.pg_namespace as n on x.relnamespace = n.oid
where
  n.nspname in ('outbound', 'ctx')
  and not exists (
    select from pg_catalog.pg_constraint as k
    where k.conindid = i.indexrelid and k.contype in ('p', 'u')
  )
order by i.indrelid asc, i.indisunique desc, x.relname asc;

-- name: triggers :many
-- Triggers that were written by hand, not made by a constraint.
select
  t.tgrelid::bigint as id,
  t.tgname as name,
  pg_get_triggerdef(t.oid) as definition
from pg_catalog.pg_trigger as t
inner join pg_catalog.pg_class as c on t.tgrelid = c.oid
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where n.nspname in ('outbound', 'ctx') and not t.tgisinternal
order by t.tgrelid, t.tgname;

-- name: policies :many
-- Row level security policies, for which roles and under which condition.
select
  p.polrelid::bigint as id,
  p.polname as name,
  p.polpermissive as permissive,
  case p.polcmd
    when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all'
  end as verb,
  coalesce(
    (
      select string_agg(r.rolname, ', ' order by r.rolname)
      from pg_catalog.pg_roles as r
      where r.oid = any(p.polroles)
    ),
    'public'
  ) as roles,
  pg_get_expr(p.polqual, p.polrelid) as visible,
  pg_get_expr(p.polwithcheck, p.polrelid) as writable
from pg_catalog.pg_policy as p
inner join pg_catalog.pg_class as c on p.polrelid = c.oid
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where n.nspname in ('outbound', 'ctx', 'dashboard')
order by p.polrelid, p.polpermissive, p.polname;

-- name: functions :many
-- Our functions: what they take and return, as which role they run, and which roles may call them.
select
  n.nspname as schema,
  p.proname as name,
  pg_get_function_identity_arguments(p.oid) as arguments,
  pg_get_function_result(p.oid) as result,
  p.prosecdef as definer,
  p.provolatile::text as volatility,
  coalesce(
    (
      select string_agg(r.rolname, ', ' order by r.rolname)
      from pg_catalog.pg_roles as r
      where
        (starts_with(r.rolname, 'outbound_') or starts_with(r.rolname, 'dashboard_')) and r.rolname <> 'outbound_owner'
        and has_function_privilege(r.oid, p.oid, 'execute')
    ),
    ''
  ) as callers
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on p.pronamespace = n.oid
where n.nspname in ('outbound', 'ctx', 'jobs', 'dashboard') and not starts_with(p.proname, 'procrastinate')
order by n.nspname, p.proname, pg_get_function_identity_arguments(p.oid);
