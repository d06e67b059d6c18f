-- name: functions :many
-- Every function of ours but the queue's own: its parameters, who may call it, its text, and the hash of all of it.
select
  p.oid::regprocedure::text as name,
  n.nspname || '.' || p.proname as called,
  p.prosecdef as definer,
  p.prorettype = 'trigger'::regtype as of_trigger,
  p.prosrc as body,
  encode(sha256(convert_to(pg_get_functiondef(p.oid), 'UTF8')), 'hex') as sha256,
  pg_get_userbyid(p.proowner) as owner,
  coalesce(
    (
      select max(s.setting)
      from unnest(p.proconfig) as s (setting)
      where s.setting ~ '^search_path='
    ), ''
  ) as search_path,
  array(
    select pg_get_userbyid(g.grantee)::text
    from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as g
    where g.privilege_type = 'EXECUTE' and g.grantee not in (0, p.proowner)
    order by 1
  ) as grantees,
  array(
    select coalesce(given.name, '')
    from unnest(p.proargnames, p.proargmodes::text[]) with ordinality as given (name, mode, place)
    where coalesce(given.mode, 'i') in ('i', 'b', 'v')
    order by given.place
  ) as argument_names,
  array(
    select format_type(given.type, null)
    from unnest(p.proargtypes::oid[]) with ordinality as given (type, place)
    order by given.place
  ) as argument_types
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on p.pronamespace = n.oid
where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs') and p.prokind = 'f'
  and not (n.nspname = 'jobs' and p.proname like 'procrastinate\_%%')
order by 1;

-- name: triggers :many
-- Every trigger of our tables: its function, whether it fires, and when, in Postgres' own words.
select
  t.tgrelid::regclass::text as relation,
  t.tgname::text as name,
  t.tgfoid::regprocedure::text as function,
  t.tgenabled::text as enabled,
  regexp_replace(pg_get_triggerdef(t.oid), '^CREATE (CONSTRAINT )?TRIGGER \S+ ', '\1') as definition
from pg_catalog.pg_trigger as t
inner join pg_catalog.pg_class as c on t.tgrelid = c.oid
where c.relnamespace in ('outbound'::regnamespace, 'ctx'::regnamespace) and not t.tgisinternal
order by 1, 2;

-- name: silenced_keys :many
-- Foreign keys of ours whose own triggers are disabled: what they refer to is not looked at.
select distinct
  t.tgrelid::regclass::text as object,
  'the triggers of ' || k.conname || ' are not on' as wrong
from pg_catalog.pg_trigger as t
inner join pg_catalog.pg_class as c on t.tgrelid = c.oid
inner join pg_catalog.pg_constraint as k on t.tgconstraint = k.oid
where c.relnamespace in ('outbound'::regnamespace, 'ctx'::regnamespace) and t.tgisinternal
  and t.tgenabled not in ('O', 'A');
