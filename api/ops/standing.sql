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
-- views, triggers and policies are told by their parsed form, since to spell one out would lock the table under it. What the job queue brings itself and
-- what belongs to an extension is left out.
with ours as (
  select
    n.oid,
    n.nspname
  from pg_catalog.pg_namespace as n
  where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs')
)

select
  'function' as kind,
  p.oid::regprocedure::text as name,
  pg_get_functiondef(p.oid) || coalesce(obj_description(p.oid, 'pg_proc'), '') as definition,
  false as restrictive
from pg_catalog.pg_proc as p
inner join ours on p.pronamespace = ours.oid
where
  p.prokind in ('f', 'p') and p.proname not like 'procrastinate%%' and not exists (
    select
    from pg_catalog.pg_depend as d
    where d.objid = p.oid and d.deptype = 'e'
  )

union all

select
  'view',
  ours.nspname || '.' || c.relname,
  concat(r.ev_action::text, c.reloptions::text, obj_description(c.oid, 'pg_class')),
  false
from pg_catalog.pg_class as c
inner join ours on c.relnamespace = ours.oid
inner join pg_catalog.pg_rewrite as r on c.oid = r.ev_class and r.rulename = '_RETURN'
where c.relkind = 'v'

union all

select
  'trigger',
  t.tgname || ' on ' || ours.nspname || '.' || c.relname,
  concat_ws(
    ' ', t.tgfoid::regprocedure, t.tgtype, t.tgenabled, t.tgattr, encode(t.tgargs, 'hex'), t.tgqual::text, t.tgoldtable,
    t.tgnewtable, t.tgdeferrable, t.tginitdeferred, obj_description(t.oid, 'pg_trigger')
  ),
  false
from pg_catalog.pg_trigger as t
inner join pg_catalog.pg_class as c on t.tgrelid = c.oid
inner join ours on c.relnamespace = ours.oid
where not t.tgisinternal and c.relname not like 'procrastinate%%'

union all

select
  'policy',
  w.polname || ' on ' || ours.nspname || '.' || c.relname,
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
where ours.nspname in ('outbound', 'dashboard')
order by 1, 2;

-- name: rights :one
-- Everything that anybody holds in our schemas, and the settings of our roles, in one line for each.
with ours as (
  select
    n.oid,
    n.nspname,
    n.nspacl
  from pg_catalog.pg_namespace as n
  where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs')
),

held as (
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
),

lines as (
  select concat_ws(
    ' ', held.what,
    coalesce(
      (
        select string_agg(concat_ws('/', g.rolname, x.privilege_type, x.is_grantable), ' ' order by g.rolname, x.privilege_type)
        from aclexplode(held.acl) as x
        left join pg_catalog.pg_roles as g on x.grantee = g.oid
      ), 'default'
    )
  ) as line
  from held

  union all

  select concat_ws(' ', 'role', r.rolname, r.rolconfig::text)
  from pg_catalog.pg_roles as r
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
