-- name: powerful_roles :many
-- Roles of ours that are members of something, or that have an attribute which bypasses row level security.
select
  r.rolname::text as object,
  'is a member of ' || pg_get_userbyid(m.roleid) as wrong
from pg_catalog.pg_roles as r
inner join pg_catalog.pg_auth_members as m on r.oid = m.member
where
  r.rolname = any(%(roles)s::text[]) or r.rolname = 'outbound_owner'
  or (r.rolname = 'outbound_postgrest' and pg_get_userbyid(m.roleid) not in ('dashboard_org', 'dashboard_company'))
union all
select
  r.rolname::text,
  concat_ws(
    ', ',
    case when r.rolsuper then 'superuser' end,
    case when r.rolbypassrls then 'bypasses row level security' end,
    case when r.rolcreaterole then 'may create roles' end,
    case when r.rolcreatedb then 'may create databases' end,
    case when r.rolreplication then 'may replicate' end,
    case when r.rolcanlogin and r.rolname = 'outbound_owner' then 'may log in' end,
    case when r.rolinherit and r.rolname = 'outbound_postgrest' then 'has the rights of the dashboard roles' end
  )
from pg_catalog.pg_roles as r
where (r.rolname = any(%(roles)s::text[]) or r.rolname in ('outbound_owner', 'outbound_postgrest'))
  and (
    r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication
    or (r.rolcanlogin and r.rolname = 'outbound_owner')
    or (r.rolinherit and r.rolname = 'outbound_postgrest')
  )
union all
select
  'outbound_owner',
  'a login role of ours is a member of it: ' || pg_get_userbyid(m.member)
from pg_catalog.pg_auth_members as m
where pg_get_userbyid(m.roleid) = 'outbound_owner' and pg_get_userbyid(m.member) = any(%(roles)s::text[]);

-- name: forbidden_privileges :many
-- Privileges that no request role may have: on tables, schemas and the database, and on the queue for all but workers.
select
  c.oid::regclass::text as object,
  r.rolname || ' holds ' || v.verb as wrong
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
cross join pg_catalog.pg_roles as r
cross join unnest(array['truncate', 'references', 'trigger']) as v (verb)
where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs') and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and r.rolname = any(%(roles)s::text[]) and has_table_privilege(r.oid, c.oid, v.verb)
union all
select
  c.oid::regclass::text,
  r.rolname || ' may touch it'
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
cross join pg_catalog.pg_roles as r
where n.nspname in ('ctx', 'jobs') and c.relkind in ('r', 'p') and r.rolname = any(%(roles)s::text[])
  and (n.nspname = 'ctx' or r.rolname <> 'outbound_worker')
  and (
    has_any_column_privilege(r.oid, c.oid, 'select, insert, update') or has_table_privilege(r.oid, c.oid, 'delete')
  )
union all
select
  'schema ' || n.nspname,
  r.rolname || ' may create in it'
from pg_catalog.pg_namespace as n
cross join pg_catalog.pg_roles as r
where r.rolname = any(%(roles)s::text[]) and n.nspname !~ '^pg_(toast_)?temp_'
  and has_schema_privilege(r.oid, n.oid, 'create')
union all
select
  'database ' || current_database(),
  r.rolname || ' holds ' || v.verb
from pg_catalog.pg_roles as r
cross join unnest(array['temporary', 'create']) as v (verb)
where r.rolname = any(%(roles)s::text[]) and has_database_privilege(r.oid, current_database(), v.verb);

-- name: open_to_public :many
-- Anything of ours that PUBLIC, or a role that every Supabase project hands out, was granted.
with strangers as (
  select 0::oid as oid
  union all
  select r.oid
  from pg_catalog.pg_roles as r
  where r.rolname in ('anon', 'authenticated', 'service_role', 'authenticator')
),

granted as (
  select
    c.oid::regclass::text as object,
    c.relnamespace as namespace,
    g.grantee,
    g.privilege_type
  from pg_catalog.pg_class as c
  cross join lateral aclexplode(c.relacl) as g
  union all
  select
    a.attrelid::regclass::text || '.' || a.attname,
    c.relnamespace,
    g.grantee,
    g.privilege_type
  from pg_catalog.pg_attribute as a
  inner join pg_catalog.pg_class as c on a.attrelid = c.oid
  cross join lateral aclexplode(a.attacl) as g
  union all
  select
    p.oid::regprocedure::text,
    p.pronamespace,
    g.grantee,
    g.privilege_type
  from pg_catalog.pg_proc as p
  cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as g
  union all
  select
    'schema ' || n.nspname,
    n.oid,
    g.grantee,
    g.privilege_type
  from pg_catalog.pg_namespace as n
  cross join lateral aclexplode(n.nspacl) as g
)

select
  k.object,
  case when k.grantee = 0 then 'everybody' else pg_get_userbyid(k.grantee) end || ' holds ' || k.privilege_type as wrong
from granted as k
inner join pg_catalog.pg_namespace as n on k.namespace = n.oid
where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs') and k.grantee in (select s.oid from strangers as s);

-- name: bypassing_definers :many
-- Functions outside our schemas that a request role may call and that run as a role which no policy binds.
select
  p.oid::regprocedure::text as object,
  'runs as ' || o.rolname || ' and may be called by ' || string_agg(r.rolname, ', ' order by r.rolname) as wrong
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_roles as o on p.proowner = o.oid and (o.rolsuper or o.rolbypassrls)
cross join pg_catalog.pg_roles as r
where p.prosecdef and p.oid >= 16384 and r.rolname = any(%(roles)s::text[])
  and has_schema_privilege(r.oid, p.pronamespace, 'usage') and has_function_privilege(r.oid, p.oid, 'execute')
group by p.oid, o.rolname;

-- name: rights :many
-- What every role of ours may do with every table and view of ours, by column; the queue's own tables left out.
select
  c.oid::regclass::text as relation,
  r.rolname::text as role,
  v.verb,
  string_agg(a.attname::text, ', ' order by a.attnum) as columns
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
cross join pg_catalog.pg_roles as r
cross join unnest(array['select', 'insert', 'update']) as v (verb)
where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs') and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and not (n.nspname = 'jobs' and c.relname like 'procrastinate\_%%')
  and r.rolname = any(%(roles)s::text[])
  and has_column_privilege(r.oid, c.oid, a.attnum, v.verb)
group by c.oid, r.rolname, v.verb
union all
select
  c.oid::regclass::text,
  r.rolname::text,
  'delete',
  '*'
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
cross join pg_catalog.pg_roles as r
where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs') and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and not (n.nspname = 'jobs' and c.relname like 'procrastinate\_%%')
  and r.rolname = any(%(roles)s::text[])
  and has_table_privilege(r.oid, c.oid, 'delete')
order by 1, 2, 3;
