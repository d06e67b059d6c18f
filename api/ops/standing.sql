-- name: records :many
-- What was applied last, by object: the hash of its text, and of what stood in the catalog after that.
select
  r.kind,
  r.name,
  r.source_sha256,
  r.catalog_sha256
from ctx.applied_objects as r;

-- name: record :exec
-- Notes what was applied, and what stands in the catalog now.
insert into ctx.applied_objects as r (kind, name, source_sha256, catalog_sha256)
select
  given.kind,
  given.name,
  given.source_sha256,
  given.catalog_sha256
from jsonb_to_recordset(%(rows)s::jsonb) as given (kind text, name text, source_sha256 text, catalog_sha256 text)
on conflict (kind, name) do update
set source_sha256 = excluded.source_sha256, catalog_sha256 = excluded.catalog_sha256, applied_at = now();

-- name: forget :exec
-- Forgets what is gone.
delete from ctx.applied_objects as r
using jsonb_to_recordset(%(rows)s::jsonb) as given (kind text, name text)
where r.kind = given.kind and r.name = given.name;

-- name: standing :many
-- Every function, view, trigger and policy of our schemas, as the catalog has it, with its comment. No table is locked:
-- views, triggers and policies are compared by their parsed form, since to spell one out would lock the table under it.
-- What the job queue brings itself and what belongs to an extension is left out. `guard` is what keeps a caller from
-- what it may not do: all of `ctx`, fences, and what reads do-not-contact lists or closes tenants.
with ours as (
  select
    n.oid,
    n.nspname
  from pg_catalog.pg_namespace as n
  where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs')
),

function as (
  select
    p.oid,
    ours.nspname = 'ctx'
    or p.proname || p.prosrc ~ 'suppress|do_not_contact|pause_campaigns|parents_closed|lock_parents' as guard
  from pg_catalog.pg_proc as p
  inner join ours on p.pronamespace = ours.oid
  where
    p.prokind in ('f', 'p') and p.proname not like 'procrastinate%%' and not exists (
      select
      from pg_catalog.pg_depend as d
      where d.objid = p.oid and d.deptype = 'e'
    )
)

select
  'function' as kind,
  f.oid::regprocedure::text as name,
  pg_get_functiondef(f.oid) || coalesce(obj_description(f.oid, 'pg_proc'), '') as definition,
  f.guard
from function as f

union all

select
  'view',
  format('%%I.%%I', ours.nspname, c.relname),
  concat(r.ev_action::text, c.reloptions::text, obj_description(c.oid, 'pg_class')),
  false
from pg_catalog.pg_class as c
inner join ours on c.relnamespace = ours.oid
inner join pg_catalog.pg_rewrite as r on c.oid = r.ev_class and r.rulename = '_RETURN'
where c.relkind = 'v'

union all

select
  'trigger',
  format('%%I on %%I.%%I', t.tgname, ours.nspname, c.relname),
  concat_ws(
    ' ', t.tgfoid::regprocedure, t.tgtype, t.tgenabled, t.tgattr, encode(t.tgargs, 'hex'), t.tgqual::text, t.tgoldtable,
    t.tgnewtable, t.tgdeferrable, t.tginitdeferred, obj_description(t.oid, 'pg_trigger')
  ),
  coalesce(f.guard, false)
from pg_catalog.pg_trigger as t
inner join pg_catalog.pg_class as c on t.tgrelid = c.oid
inner join ours on c.relnamespace = ours.oid
left join function as f on t.tgfoid = f.oid
where not t.tgisinternal and c.relname not like 'procrastinate%%'

union all

select
  'policy',
  format('%%I on %%I.%%I', w.polname, ours.nspname, c.relname),
  concat_ws(
    ' ', w.polcmd, w.polpermissive,
    (select string_agg(coalesce(g.rolname, 'public'), ',' order by g.rolname)
      from unnest(w.polroles) as o (id) left join pg_catalog.pg_roles as g on o.id = g.oid),
    w.polqual::text, w.polwithcheck::text
  ),
  not w.polpermissive
from pg_catalog.pg_policy as w
inner join pg_catalog.pg_class as c on w.polrelid = c.oid
inner join ours on c.relnamespace = ours.oid
where not (ours.nspname = 'ctx' and w.polname = 'owner_only')
order by 1, 2;

-- name: strangers :many
-- What stands in our schemas and has another owner than they have, so that no role of ours may change it.
select
  format('%%I.%%I', n.nspname, c.relname) as name,
  pg_get_userbyid(c.relowner) as owner
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where
  n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs') and c.relkind in ('r', 'p', 'v', 'm')
  and pg_get_userbyid(c.relowner) <> 'outbound_owner'

union all

select
  p.oid::regprocedure::text,
  pg_get_userbyid(p.proowner)
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on p.pronamespace = n.oid
where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs') and pg_get_userbyid(p.proowner) <> 'outbound_owner'
order by 1;

-- name: dangers :many
-- What no grant says and no page can take back without rights that a migrator may lack, in sentences.
select r.rolname || ' is a member of ' || g.rolname as text
from pg_catalog.pg_auth_members as m
inner join pg_catalog.pg_roles as r on m.member = r.oid
inner join pg_catalog.pg_roles as g on m.roleid = g.oid
where
  r.rolname in ('outbound_platform', 'outbound_org', 'outbound_company', 'outbound_worker', 'outbound_public')
  or (r.rolname = 'outbound_postgrest' and g.rolname not in ('dashboard_org', 'dashboard_company'))

union all

select r.rolname || ' is a superuser, bypasses row level security, or makes roles or databases'
from pg_catalog.pg_roles as r
where
  (r.rolname like 'outbound\_%%' or r.rolname like 'dashboard\_%%')
  and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb)
order by 1;

-- name: rights :one
-- Every privilege in our schemas, and the settings of our roles, in one line for each.
with ours as (
  select
    n.oid,
    n.nspname,
    n.nspacl
  from pg_catalog.pg_namespace as n
  where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs')
),

owned as (
  select
    'schema ' || ours.nspname as what,
    ours.nspacl as acl
  from ours

  union all

  select
    'relation ' || ours.nspname || '.' || c.relname,
    c.relacl
  from pg_catalog.pg_class as c
  inner join ours on c.relnamespace = ours.oid
  where c.relkind in ('r', 'p', 'v', 'S')

  union all

  select
    'column ' || ours.nspname || '.' || c.relname || '.' || a.attname,
    a.attacl
  from pg_catalog.pg_attribute as a
  inner join pg_catalog.pg_class as c on a.attrelid = c.oid
  inner join ours on c.relnamespace = ours.oid
  where a.attacl is not null and not a.attisdropped

  union all

  select
    'routine ' || p.oid::regprocedure::text,
    p.proacl
  from pg_catalog.pg_proc as p
  inner join ours on p.pronamespace = ours.oid

  union all

  select
    'database',
    coalesce(d.datacl, acldefault('d', d.datdba))
  from pg_catalog.pg_database as d
  where d.datname = current_database()

  union all

  select
    'default ' || a.defaclobjtype::text || ' ' || a.defaclnamespace::regnamespace::text,
    a.defaclacl
  from pg_catalog.pg_default_acl as a
  where pg_get_userbyid(a.defaclrole) = 'outbound_owner'
),

lines as (
  select concat_ws(
    ' ', owned.what,
    coalesce(
      (
        select string_agg(concat_ws('/', g.rolname, x.privilege_type, x.is_grantable), ' ' order by g.rolname, x.privilege_type)
        from aclexplode(owned.acl) as x
        left join pg_catalog.pg_roles as g on x.grantee = g.oid
      ), 'default'
    )
  ) as line
  from owned

  union all

  select concat_ws(' ', 'role', r.rolname, r.rolconfig::text, s.setconfig::text)
  from pg_catalog.pg_roles as r
  left join pg_catalog.pg_db_role_setting as s
    on r.oid = s.setrole and s.setdatabase = (
      select d.oid
      from pg_catalog.pg_database as d
      where d.datname = current_database()
    )
  where r.rolname like 'outbound\_%%' or r.rolname like 'dashboard\_%%'
)

select string_agg(lines.line, E'\n' order by lines.line) as rights
from lines;

-- name: versions :many
-- The functions of one name, each with what changes whenever it is written.
select
  p.oid::regprocedure::text as name,
  p.xmin::text as version
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on p.pronamespace = n.oid
where n.nspname = %(schema)s and p.proname = %(function)s;
