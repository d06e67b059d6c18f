-- name: unfenced_tables :many
-- Tables of ours, and children of them anywhere, on which row level security is not enabled and forced.
with recursive family as (
  select c.oid
  from pg_catalog.pg_class as c
  where c.relnamespace in ('outbound'::regnamespace, 'ctx'::regnamespace) and c.relkind in ('r', 'p')
  union
  select i.inhrelid
  from pg_catalog.pg_inherits as i
  inner join family as f on i.inhparent = f.oid
)

select
  c.oid::regclass::text as object,
  'row level security is ' || case when c.relrowsecurity then 'not forced' else 'not enabled' end as wrong
from family as f
inner join pg_catalog.pg_class as c on f.oid = c.oid
where c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity);

-- name: policies :many
-- Every policy of schemas outbound and ctx, with its two conditions as Postgres writes them, in one line each.
select
  n.nspname as schema,
  c.relname as relation,
  p.polname as name,
  p.polpermissive as permissive,
  p.polcmd = '*' as for_all,
  array(
    select coalesce(r.rolname::text, 'public')
    from unnest(p.polroles) as o (oid)
    left join pg_catalog.pg_roles as r on o.oid = r.oid
    order by 1
  ) as roles,
  regexp_replace(pg_get_expr(p.polqual, p.polrelid), '\s+', ' ', 'g') as using_text,
  regexp_replace(pg_get_expr(p.polwithcheck, p.polrelid), '\s+', ' ', 'g') as check_text
from pg_catalog.pg_policy as p
inner join pg_catalog.pg_class as c on p.polrelid = c.oid
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where n.nspname in ('outbound', 'ctx')
order by n.nspname, c.relname, p.polname;

-- name: policies_reading_tables :many
-- Policies whose conditions read a table other than their own: they would judge by an older snapshot.
select distinct
  p.polrelid::regclass::text || ' ' || p.polname as object,
  'reads ' || d.refobjid::regclass::text as wrong
from pg_catalog.pg_policy as p
inner join pg_catalog.pg_depend as d
  on d.classid = 'pg_policy'::regclass and p.oid = d.objid and d.refclassid = 'pg_class'::regclass
where d.refobjid <> p.polrelid;

-- name: functions_of_policies :many
-- Functions in a policy's condition that are not stable, not parallel restricted, or without a pinned search_path.
select distinct
  f.oid::regprocedure::text as object,
  concat_ws(
    ', ',
    case when f.provolatile <> 's' then 'not stable' end,
    case when f.proparallel <> 'r' then 'not parallel restricted' end,
    case when not coalesce(f.proconfig, '{}')::text ~ 'search_path=' then 'search_path not pinned' end
  ) as wrong
from pg_catalog.pg_policy as p
inner join pg_catalog.pg_depend as d
  on d.classid = 'pg_policy'::regclass and p.oid = d.objid and d.refclassid = 'pg_proc'::regclass
inner join pg_catalog.pg_proc as f on d.refobjid = f.oid
where f.pronamespace <> 'pg_catalog'::regnamespace
  and not (
    f.provolatile = 's' and f.proparallel = 'r' and coalesce(f.proconfig, '{}')::text ~ 'search_path='
  );

-- name: foreign_owners :many
-- Schemas, relations, functions and types of ours that have another owner than outbound_owner.
with ours as (
  select n.oid
  from pg_catalog.pg_namespace as n
  where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs')
)

select
  c.oid::regclass::text as object,
  'belongs to ' || pg_get_userbyid(c.relowner) as wrong
from pg_catalog.pg_class as c
where c.relnamespace in (select o.oid from ours as o) and pg_get_userbyid(c.relowner) <> 'outbound_owner'
union all
select
  p.oid::regprocedure::text,
  'belongs to ' || pg_get_userbyid(p.proowner)
from pg_catalog.pg_proc as p
where p.pronamespace in (select o.oid from ours as o) and pg_get_userbyid(p.proowner) <> 'outbound_owner'
union all
select
  n.nspname::text,
  'belongs to ' || pg_get_userbyid(n.nspowner)
from pg_catalog.pg_namespace as n
where n.oid in (select o.oid from ours as o) and pg_get_userbyid(n.nspowner) <> 'outbound_owner';

-- name: leakproof_functions :many
-- Functions that are marked leakproof: their conditions would run before the fence.
select
  p.oid::regprocedure::text as object,
  'is marked leakproof' as wrong
from pg_catalog.pg_proc as p
where p.proleakproof and p.oid >= 16384;

-- name: unfenceable_relations :many
-- Views that run as their owner, and what row level security cannot bind at all.
select
  c.oid::regclass::text as object,
  case c.relkind
    when 'v' then 'a view without security_invoker'
    when 'm' then 'a materialized view'
    else 'a foreign table'
  end as wrong
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs')
  and (
    c.relkind in ('m', 'f')
    or (
      c.relkind = 'v'
      and not coalesce(c.reloptions, '{}') && array['security_invoker=true', 'security_invoker=on']
    )
  )
union all
select
  c.oid::regclass::text,
  r.rolname || ' may read a ' || case c.relkind when 'm' then 'materialized view' else 'foreign table' end
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
cross join pg_catalog.pg_roles as r
where n.nspname not in ('outbound', 'ctx', 'dashboard', 'jobs') and c.relkind in ('m', 'f')
  and r.rolname = any(%(roles)s::text[]) and has_schema_privilege(r.oid, n.oid, 'usage')
  and has_any_column_privilege(r.oid, c.oid, 'select')
union all
select
  'large objects',
  count(*) || ' of them; they know no row level security'
from pg_catalog.pg_largeobject_metadata
having count(*) > 0;

-- name: published_tables :many
-- Tables of ours in a publication: a subscriber reads every tenant's rows.
select
  p.schemaname || '.' || p.tablename as object,
  'is in publication ' || p.pubname as wrong
from pg_catalog.pg_publication_tables as p
where p.schemaname in ('outbound', 'ctx', 'dashboard', 'jobs');

-- name: strange_extensions :many
-- Extensions that are not on the list.
select
  e.extname::text as object,
  'is installed in schema ' || n.nspname as wrong
from pg_catalog.pg_extension as e
inner join pg_catalog.pg_namespace as n on e.extnamespace = n.oid
where e.extname <> all(%(known)s::text[]);

-- name: rewritten_tables :many
-- Tables of ours with a rule: it would act with its owner's rights.
select
  r.ev_class::regclass::text as object,
  'has the rule ' || r.rulename as wrong
from pg_catalog.pg_rewrite as r
inner join pg_catalog.pg_class as c on r.ev_class = c.oid and c.relkind in ('r', 'p')
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where n.nspname in ('outbound', 'ctx', 'jobs');

-- name: missing_guards :many
-- Unique indexes across companies that are excused by a trigger which is not there or not on.
select
  g.unique_name as object,
  'is excused by the trigger ' || g.trigger_name || ', which is not on' as wrong
from unnest(%(guarded)s::text[], %(triggers)s::text[]) as g (unique_name, trigger_name)
where
  not exists (
    select from pg_catalog.pg_class as i
    inner join pg_catalog.pg_index as x on i.oid = x.indexrelid
    inner join pg_catalog.pg_trigger as t on x.indrelid = t.tgrelid
    where
      i.relnamespace = 'outbound'::regnamespace and i.relname = g.unique_name
      and t.tgname = g.trigger_name and t.tgenabled in ('O', 'A')
  );
