-- name: settle :many
-- Makes names and constants come out the same for every role, and a policy that would hide rows an error.
select set_config(s.name, s.value, true)
from (
  values ('search_path', ''), ('row_security', 'off'), ('quote_all_identifiers', 'off'), ('timezone', 'UTC'),
  ('datestyle', 'ISO, MDY'), ('intervalstyle', 'postgres'), ('bytea_output', 'hex'), ('extra_float_digits', '1')
) as s (name, value);

-- name: place :one
-- Our schemas that exist, and the role that migrated: the owner of the record of migrations, else the current role.
select
  array_agg(n.oid::bigint) as ours,
  coalesce(min(c.relowner)::regrole, current_user::regrole)::text as migrator
from pg_catalog.pg_namespace as n
left join pg_catalog.pg_class as c on c.oid = to_regclass('supabase_migrations.schema_migrations')
where n.nspname = any(%(schemas)s);

-- name: schemas :many
-- Our schemas; what is granted on them stands in grants.
select
  n.oid::regnamespace::text as thing,
  n.nspowner::regrole::text as owner
from pg_catalog.pg_namespace as n
where n.oid = any(%(ours)s::oid[]);

-- name: relations :many
-- Tables, views, sequences and composite types, with what is switched on for the whole of them.
select
  c.oid::regclass::text as thing,
  c.relkind::text as kind,
  c.relowner::regrole::text as owner,
  c.relrowsecurity as row_security,
  c.relforcerowsecurity as forced,
  c.relpersistence::text as persistence,
  c.relreplident::text as replica_identity,
  m.amname::text as method,
  c.reloptions as options,
  t.reloptions as toast_options,
  i.inhparent::regclass::text as parent,
  case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end as partitioned,
  pg_get_expr(c.relpartbound, c.oid) as partition,
  case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end as definition
from pg_catalog.pg_class as c
left join pg_catalog.pg_class as t on c.reltoastrelid = t.oid
left join pg_catalog.pg_am as m on c.relam = m.oid
left join pg_catalog.pg_inherits as i on c.oid = i.inhrelid
where c.relnamespace = any(%(ours)s::oid[]) and c.relkind not in ('i', 'I', 't');

-- name: columns :many
-- Columns by name and not by place, except in a composite type, where the place has a meaning.
select
  c.oid::regclass || '.' || quote_ident(a.attname) as thing,
  format_type(a.atttypid, a.atttypmod) as type,
  a.attnotnull as required,
  nullif(k.convalidated, true) as required_validated,
  a.attidentity::text as identity,
  a.attgenerated::text as generated,
  case when a.attcollation <> t.typcollation then a.attcollation::regcollation::text end as collation,
  nullif(a.attstorage, t.typstorage)::text as storage,
  a.attcompression::text as compression,
  nullif(a.attstattarget, -1) as statistics,
  a.attoptions as options,
  case when c.relkind = 'c' then a.attnum end as place,
  pg_get_expr(d.adbin, d.adrelid) as expression
from pg_catalog.pg_attribute as a
inner join pg_catalog.pg_class as c on a.attrelid = c.oid
inner join pg_catalog.pg_type as t on a.atttypid = t.oid
left join pg_catalog.pg_attrdef as d on a.attrelid = d.adrelid and a.attnum = d.adnum
left join pg_catalog.pg_constraint as k on a.attrelid = k.conrelid and k.contype = 'n' and k.conkey = array[a.attnum]
where c.relnamespace = any(%(ours)s::oid[]) and c.relkind not in ('i', 'I', 't', 'S') and a.attnum > 0;

-- name: constraints :many
-- Constraints of tables and domains, and the switches of the triggers by which a foreign key works.
select
  case k.conrelid when 0 then k.contypid::regtype::text else k.conrelid::regclass::text end
  || ' ' || quote_ident(k.conname) as thing,
  concat_ws(' ', k.condeferrable, k.condeferred) as deferrable_deferred,
  k.convalidated as validated,
  array_remove(array_agg(distinct g.tgenabled::text), null) as triggers,
  pg_get_constraintdef(k.oid) as definition
from pg_catalog.pg_constraint as k
left join pg_catalog.pg_trigger as g on k.oid = g.tgconstraint
where k.connamespace = any(%(ours)s::oid[]) and k.contype <> 'n'
group by k.oid;

-- name: indexes :many
-- Indexes, those of keys too.
select
  i.indexrelid::regclass::text as thing,
  i.indisunique as "unique",
  i.indisprimary as "primary",
  i.indisvalid and i.indisready as valid,
  i.indisreplident as replica_identity,
  pg_get_indexdef(i.indexrelid) as definition
from pg_catalog.pg_index as i
inner join pg_catalog.pg_class as c on i.indexrelid = c.oid
where c.relnamespace = any(%(ours)s::oid[]);

-- name: triggers :many
-- Triggers that were written by hand, with their switch: O, D, R or A.
select
  g.tgrelid::regclass || ' ' || quote_ident(g.tgname) as thing,
  g.tgenabled::text as enabled,
  pg_get_triggerdef(g.oid) as definition
from pg_catalog.pg_trigger as g
inner join pg_catalog.pg_class as c on g.tgrelid = c.oid
where c.relnamespace = any(%(ours)s::oid[]) and not g.tgisinternal;

-- name: functions :many
-- Functions and procedures, whole; an aggregate has no text of its own, so its parts are named.
select
  p.oid::regprocedure::text as thing,
  p.prokind::text as kind,
  p.proowner::regrole::text as owner,
  to_jsonb(a)::text as aggregate,
  case when p.prokind in ('f', 'p') then pg_get_functiondef(p.oid) end as definition
from pg_catalog.pg_proc as p
left join pg_catalog.pg_aggregate as a on p.oid = a.aggfnoid
where p.pronamespace = any(%(ours)s::oid[]);

-- name: policies :many
-- The policies of row level security.
select
  p.polrelid::regclass || ' ' || quote_ident(p.polname) as thing,
  p.polcmd::text as command,
  p.polpermissive as permissive,
  p.polroles::regrole[]::text[] as roles,
  pg_get_expr(p.polqual, p.polrelid) as "using",
  pg_get_expr(p.polwithcheck, p.polrelid) as "check"
from pg_catalog.pg_policy as p
inner join pg_catalog.pg_class as c on p.polrelid = c.oid
where c.relnamespace = any(%(ours)s::oid[]);

-- name: grants :many
-- A line for each right that a role has; where nothing was ever granted, what Postgres grants by itself.
with things (thing, acl) as (
  select
    'database',
    coalesce(d.datacl, acldefault('d', d.datdba))
  from pg_catalog.pg_database as d
  where d.datname = current_database()
  union all
  select
    'schema ' || n.oid::regnamespace,
    coalesce(n.nspacl, acldefault('n', n.nspowner))
  from pg_catalog.pg_namespace as n
  where n.oid = any(%(ours)s::oid[])
  union all
  select
    case c.relkind when 'S' then 'sequence ' else 'relation ' end || c.oid::regclass,
    coalesce(c.relacl, case c.relkind when 'S' then acldefault('s', c.relowner) else acldefault('r', c.relowner) end)
  from pg_catalog.pg_class as c
  where c.relnamespace = any(%(ours)s::oid[]) and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  union all
  select
    'column ' || c.oid::regclass || '.' || quote_ident(a.attname),
    a.attacl
  from pg_catalog.pg_attribute as a
  inner join pg_catalog.pg_class as c on a.attrelid = c.oid
  where c.relnamespace = any(%(ours)s::oid[]) and not a.attisdropped
  union all
  select
    'function ' || p.oid::regprocedure,
    coalesce(p.proacl, acldefault('f', p.proowner))
  from pg_catalog.pg_proc as p
  where p.pronamespace = any(%(ours)s::oid[])
  union all
  select
    'type ' || t.oid::regtype,
    coalesce(t.typacl, acldefault('T', t.typowner))
  from pg_catalog.pg_type as t
  where t.typnamespace = any(%(ours)s::oid[]) and t.typcategory <> 'A'
)

select distinct
  t.thing,
  g.grantee::regrole::text as grantee,
  g.privilege_type as privilege,
  g.is_grantable as grantable
from things as t
cross join lateral aclexplode(t.acl) as g;

-- name: default_privileges :many
-- What a role grants on things that it will make, everywhere or in our schemas.
select distinct
  d.defaclobjtype::text || ' in ' || coalesce(nullif(d.defaclnamespace, 0)::regnamespace::text, 'every schema') as thing,
  d.defaclrole::regrole::text as owner,
  g.grantee::regrole::text as grantee,
  g.privilege_type as privilege,
  g.is_grantable as grantable
from pg_catalog.pg_default_acl as d
left join lateral aclexplode(d.defaclacl) as g on true
where d.defaclnamespace = 0 or d.defaclnamespace = any(%(ours)s::oid[]);

-- name: types :many
-- Domains, enums, ranges and base types; composite ones stand among the relations.
select
  t.oid::regtype::text as thing,
  t.typtype::text as kind,
  t.typowner::regrole::text as owner,
  t.typnotnull as required,
  format_type(nullif(t.typbasetype, 0), t.typtypmod) as base,
  nullif(t.typcollation, 0)::regcollation::text as collation,
  r.rngsubtype::regtype::text as subtype,
  string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) as labels,
  t.typdefault as expression
from pg_catalog.pg_type as t
left join pg_catalog.pg_range as r on t.oid = r.rngtypid
left join pg_catalog.pg_enum as e on t.oid = e.enumtypid
where t.typnamespace = any(%(ours)s::oid[]) and t.typtype <> 'c' and t.typcategory <> 'A'
group by t.oid, r.rngsubtype;

-- name: sequences :many
-- Sequences with their bounds and the column that owns them; where they stand now is data.
select
  s.seqrelid::regclass::text as thing,
  concat_ws(' ', s.seqtypid::regtype, case when s.seqcycle then 'cycles' end) as type,
  concat_ws(' ', 'start', s.seqstart, 'step', s.seqincrement, 'from', s.seqmin, 'to', s.seqmax, 'cache', s.seqcache) as bounds,
  d.deptype::text || ' ' || d.refobjid::regclass || '.' || quote_ident(a.attname) as owned_by
from pg_catalog.pg_sequence as s
inner join pg_catalog.pg_class as c on s.seqrelid = c.oid
left join pg_catalog.pg_depend as d on s.seqrelid = d.objid and d.classid = d.refclassid and d.deptype in ('a', 'i')
left join pg_catalog.pg_attribute as a on d.refobjid = a.attrelid and d.refobjsubid = a.attnum
where c.relnamespace = any(%(ours)s::oid[]);

-- name: comments :many
-- Comments on anything of ours.
select
  i.type || ' ' || i.identity as thing,
  d.description as comment
from pg_catalog.pg_description as d
cross join lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) as i
where d.objoid >= 16384 and i.identity ~ ('(^| on )(' || array_to_string(%(schemas)s::text[], '|') || ')([.]|$)');

-- name: others :many
-- Rules, and whatever else lies in our schemas that no other set reads.
select
  'rule ' || r.ev_class::regclass || ' ' || quote_ident(r.rulename) as thing,
  r.ev_enabled::text || ' ' || pg_get_ruledef(r.oid) as definition
from pg_catalog.pg_rewrite as r
inner join pg_catalog.pg_class as c on r.ev_class = c.oid
where c.relnamespace = any(%(ours)s::oid[]) and r.rulename <> '_RETURN'
union all
select
  i.type || ' ' || i.identity,
  case i.type when 'statistics object' then pg_get_statisticsobjdef(d.objid) end
from pg_catalog.pg_depend as d
cross join lateral pg_identify_object(d.classid, d.objid, d.objsubid) as i
where
  d.refclassid = 'pg_catalog.pg_namespace'::regclass and d.refobjid = any(%(ours)s::oid[])
  and d.classid::regclass::text !~ '^pg_(class|proc|type|default_acl)$';

-- name: extensions :many
-- Extensions of the database, wherever they lie.
select
  e.extname::text as thing,
  concat_ws(' ', e.extversion, 'in', e.extnamespace::regnamespace) as version
from pg_catalog.pg_extension as e;

-- name: roles :many
-- Our roles with their flags; whether one has a password only a superuser could see.
select
  r.rolname::text as thing,
  (to_jsonb(r) - array['oid', 'rolname', 'rolpassword', 'rolconfig'])::text as flags,
  shobj_description(r.oid, 'pg_authid') as comment
from pg_catalog.pg_roles as r
where r.rolname ~ %(roles)s;

-- name: settings :many
-- What is set for our roles and for this database, everywhere or here.
select
  coalesce(r.rolname::text, 'every role') as thing,
  case s.setdatabase when 0 then 'everywhere' else 'here' end as reach,
  o.item as setting
from pg_catalog.pg_db_role_setting as s
left join pg_catalog.pg_roles as r on s.setrole = r.oid
left join pg_catalog.pg_database as d on s.setdatabase = d.oid
cross join unnest(s.setconfig) as o (item)
where (r.rolname ~ %(roles)s or s.setrole = 0) and (s.setdatabase = 0 or d.datname = current_database());

-- name: memberships :many
-- Which role is a member of which, where one of the two is ours; who made it so does not matter.
select distinct
  m.roleid::regrole::text as thing,
  m.member::regrole::text as member,
  (to_jsonb(m) - array['oid', 'roleid', 'member', 'grantor'])::text as options
from pg_catalog.pg_auth_members as m
where m.roleid::regrole::text ~ %(roles)s or m.member::regrole::text ~ %(roles)s;

-- name: seeds :many
-- The rows that migrations put in.
select
  'outbound.capabilities ' || c.key as thing,
  (to_jsonb(c) - array['created_at', 'updated_at'])::text as document
from outbound.capabilities as c
union all
select
  'outbound.providers ' || p.capability || ' ' || p.key,
  (to_jsonb(p) - array['created_at', 'updated_at'])::text
from outbound.providers as p;
