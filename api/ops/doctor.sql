-- name: clock :one
-- The database's clock.
select extract(epoch from clock_timestamp())::float8 as now;

-- name: role_faults :many
-- What is wrong with a role of ours, and the statement that mends it. `migrator` is who may be the owner beside
-- superusers; where that is not known, members of the owner are not judged.
with ours as (
  select
    given.name,
    given.login,
    r.oid,
    r.rolcanlogin
  from (
    values
    ('outbound_owner', false), ('dashboard_org', false), ('dashboard_company', false), ('outbound_platform', true),
    ('outbound_org', true), ('outbound_company', true), ('outbound_worker', true), ('outbound_public', true),
    ('outbound_postgrest', true)
  ) as given (name, login)
  left join pg_catalog.pg_roles as r on given.name = r.rolname
)

select
  ours.name || ' does not exist' as wrong,
  format('create role %%I %%s', ours.name, case when ours.login then 'login' else 'nologin' end) as mend
from ours
where ours.oid is null

union all

select
  ours.name || case when ours.login then ' may not log in' else ' may log in' end,
  format('alter role %%I %%s', ours.name, case when ours.login then 'login' else 'nologin' end)
from ours
where ours.rolcanlogin <> ours.login

union all

select
  ours.name || ' may ' || concat_ws(
    ', ',
    case when r.rolsuper then 'do everything (superuser)' end,
    case when r.rolbypassrls then 'look past row level security' end,
    case when r.rolcreaterole then 'make roles' end,
    case when r.rolcreatedb then 'make databases' end,
    case when r.rolreplication then 'replicate' end,
    case when r.rolinherit and ours.name = 'outbound_postgrest' then 'read without a request (inherit)' end
  ),
  format(
    'alter role %%I nosuperuser nobypassrls nocreaterole nocreatedb noreplication%%s', ours.name,
    case when ours.name = 'outbound_postgrest' then ' noinherit' end
  )
from ours
inner join pg_catalog.pg_roles as r on ours.oid = r.oid
where
  r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication
  or (r.rolinherit and ours.name = 'outbound_postgrest')

union all

select
  ours.name || ' is a member of ' || pg_get_userbyid(m.roleid),
  format('revoke %%I from %%I', pg_get_userbyid(m.roleid), ours.name)
from ours
inner join pg_catalog.pg_auth_members as m on ours.oid = m.member
where
  ours.name <> 'outbound_postgrest' or pg_get_userbyid(m.roleid) not in ('dashboard_org', 'dashboard_company')

union all

select
  'outbound_postgrest is not a member of ' || d.rolname || ', so dashboards read nothing',
  format('grant %%I to outbound_postgrest', d.rolname)
from pg_catalog.pg_roles as r
inner join pg_catalog.pg_roles as d on d.rolname in ('dashboard_org', 'dashboard_company')
left join pg_catalog.pg_auth_members as m on r.oid = m.member and d.oid = m.roleid
where r.rolname = 'outbound_postgrest' and m.member is null

union all

select
  pg_get_userbyid(m.member) || ' is a member of outbound_owner and is not the migrator',
  format('revoke outbound_owner from %%I', pg_get_userbyid(m.member))
from pg_catalog.pg_auth_members as m
inner join pg_catalog.pg_roles as r on m.member = r.oid
where
  pg_get_userbyid(m.roleid) = 'outbound_owner' and not r.rolsuper and r.rolname <> %(migrator)s
  and r.rolname not in (select o.name from ours as o) -- those are named above

union all

select
  ours.name || ' owns ' || pg_describe_object(d.classid, d.objid, d.objsubid),
  'give it to another owner, or drop it'
from ours
inner join pg_catalog.pg_shdepend as d
  on ours.oid = d.refobjid and d.refclassid = 'pg_authid'::regclass and d.deptype = 'o'
where
  ours.name <> 'outbound_owner' and d.dbid in (
    0, (
      select b.oid
      from pg_catalog.pg_database as b
      where b.datname = current_database()
    )
  )
order by 1;

-- name: role_settings :many
-- Every setting of a role of ours, and how to take it away. Those for another database are none of ours.
select
  r.rolname as role,
  split_part(kept.setting, '=', 1) as name,
  substr(kept.setting, strpos(kept.setting, '=') + 1) as value,
  format('alter role %%I', r.rolname)
  || case when s.setdatabase <> 0 then format(' in database %%I', current_database()) else '' end
  || format(' reset %%s', split_part(kept.setting, '=', 1)) as mend,
  s.setdatabase = 0 as everywhere
from pg_catalog.pg_db_role_setting as s
inner join pg_catalog.pg_roles as r on s.setrole = r.oid
inner join pg_catalog.pg_database as b on b.datname = current_database()
cross join lateral unnest(s.setconfig) as kept (setting)
where
  (r.rolname like 'outbound\_%%' or r.rolname in ('dashboard_org', 'dashboard_company'))
  and s.setdatabase in (0, b.oid)
order by r.rolname, kept.setting;

-- name: silent_triggers :many
-- Tables of ours on which triggers are off, those of foreign keys among them.
select
  format('%%I.%%I', n.nspname, c.relname) as name,
  count(*) as amount,
  min(coalesce(k.conname, t.tgname)) as one
from pg_catalog.pg_trigger as t
inner join pg_catalog.pg_class as c on t.tgrelid = c.oid
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
left join pg_catalog.pg_constraint as k on t.tgconstraint = k.oid
where n.nspname in ('outbound', 'ctx', 'jobs') and t.tgenabled in ('D', 'R')
group by n.nspname, c.relname
order by 1;

-- name: unfenced_tables :many
-- Tables with an `org_id`, ours, and children of ours anywhere, on which row level security is not on and forced.
with recursive family as (
  select c.oid
  from pg_catalog.pg_class as c
  inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
  where
    c.relkind in ('r', 'p') and (
      n.nspname in ('outbound', 'ctx') or (
        n.nspname in ('jobs', 'dashboard') and exists (
          select
          from pg_catalog.pg_attribute as a
          where a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped
        )
      )
    )
  union
  select i.inhrelid
  from pg_catalog.pg_inherits as i
  inner join family as f on i.inhparent = f.oid
)

select format('%%I.%%I', n.nspname, c.relname) as name
from family as f
inner join pg_catalog.pg_class as c on f.oid = c.oid
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)
order by 1;

-- name: open_to_public :many
-- What PUBLIC may make in this database, and the statement that takes it back. Postgres lets every role keep large
-- objects, which know no row level security, and only a superuser can take that back: so that is no fault.
select
  format('make %%s in the database', case v.verb when 'temporary' then 'temporary objects' else 'schemas' end) as what,
  format('revoke %%s on database %%I from public', v.verb, current_database()) as mend,
  false as warning
from unnest(array['temporary', 'create']) as v (verb)
where has_database_privilege('public', current_database(), v.verb)

union all

select
  'make objects in the schema public',
  'revoke create on schema public from public',
  false
from pg_catalog.pg_namespace as n
where n.nspname = 'public' and has_schema_privilege('public', n.oid, 'create')

union all

select
  'keep large objects',
  format('revoke execute on function %%s from public', string_agg(p.oid::regprocedure::text, ', ' order by p.proname)),
  true
from pg_catalog.pg_proc as p
where
  p.pronamespace = 'pg_catalog'::regnamespace
  and (p.proname like 'lo\_%%' or p.proname in ('loread', 'lowrite'))
  and has_function_privilege('public', p.oid, 'execute')
having count(*) > 0;

-- name: ticket_keys :many
-- What the database knows of each ticket key of the settings: whether it holds it, whether it is the same, and whether
-- it was retired.
select
  given.kid,
  (k.kid is not null) as stored,
  (k.inner_pad = given.inner_pad) as same,
  (k.retired_at is not null) as retired
from unnest(%(kids)s::text[], %(pads)s::bytea[]) as given (kid, inner_pad)
left join ctx.keys as k on k.kind = 'ticket' and given.kid = k.kid
order by 1;

-- name: context_keys :one
-- How many keys there are to sign contexts with.
select count(*) as amount
from ctx.keys as k
where k.kind = 'context' and k.retired_at is null;

-- name: tenants :many
-- Every organization that is not deleted.
select t.org_id
from ctx.tenants as t
where t.deleted_at is null
order by t.org_id;

-- name: open_job :exec
-- Opens one organization, as a worker does.
select ctx.open_job(%(ticket)s);

-- name: sealed :many
-- Under which keys an organization's secrets are: how many under each, and one of them.
with sealed as (
  select
    'connections' as relation,
    'credential' as field,
    k.id,
    k.credential as body
  from outbound.connections as k
  where k.credential is not null
  union all
  select
    'connections',
    'hook_token',
    k.id,
    k.hook_token
  from outbound.connections as k
  union all
  select
    'inbound_webhooks',
    'body',
    w.id,
    w.body
  from outbound.inbound_webhooks as w
  union all
  select
    'import_chunks',
    'body',
    c.id,
    c.body
  from outbound.import_chunks as c
  union all
  select
    'import_results',
    'body',
    r.id,
    r.body
  from outbound.import_results as r
),

chosen as (
  select
    s.relation,
    s.field,
    encode(substring(s.body, 3, case when length(s.body) > 2 then get_byte(s.body, 1) else 0 end), 'escape') as kid,
    count(*) as amount,
    min(s.id::text)::uuid as id
  from sealed as s
  group by 1, 2, 3
)

select
  c.relation,
  c.field,
  c.kid,
  c.amount,
  c.id,
  s.body
from chosen as c
inner join sealed as s on c.relation = s.relation and c.field = s.field and c.id = s.id;

-- name: forgotten :many
-- By task, how many lanes have something due and neither a job nor a time.
select
  d.task,
  count(*) as amount
from ctx.due_work() as d
group by d.task
order by d.task;
