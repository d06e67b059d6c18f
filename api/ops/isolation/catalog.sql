-- name: columns :many
-- Every column of every table of tenants, in order, with what a generated one is made of.
select
  c.relname as relation,
  a.attname as name,
  format_type(a.atttypid, a.atttypmod) as type,
  a.attnotnull as not_null,
  a.attgenerated <> '' as generated,
  array(
    select s.attname::text
    from pg_catalog.pg_depend as d
    inner join pg_catalog.pg_attribute as s on s.attrelid = a.attrelid and d.refobjsubid = s.attnum
    left join pg_catalog.pg_attrdef as f on f.adrelid = a.attrelid and f.adnum = a.attnum
    where a.attgenerated <> '' and d.refobjid = a.attrelid and d.refobjsubid not in (0, a.attnum)
      and ((d.objid = a.attrelid and d.objsubid = a.attnum) or d.objid = f.oid)
  ) as sources
from pg_catalog.pg_class as c
inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'outbound'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
order by c.relname, a.attnum;

-- name: unique_indexes :many
-- Every unique index of a table of tenants; expressions stand as empty names.
select
  c.relname as relation,
  n.relname as name,
  i.indisprimary as is_primary,
  array(
    select coalesce(a.attname::text, '')
    from unnest(i.indkey::int2[]) with ordinality as k (num, place)
    left join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and k.num = a.attnum and k.num > 0
    where k.place <= i.indnkeyatts
    order by k.place
  ) as columns,
  pg_get_expr(i.indpred, i.indrelid) as predicate
from pg_catalog.pg_index as i
inner join pg_catalog.pg_class as c on i.indrelid = c.oid
inner join pg_catalog.pg_class as n on i.indexrelid = n.oid
where i.indisunique and c.relnamespace = 'outbound'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
order by c.relname, n.relname;

-- name: foreign_keys :many
-- Every foreign key between tables of tenants, columns on both sides in the key's order.
select
  c.relname as relation,
  r.conname as name,
  p.relname as parent,
  array(
    select a.attname::text
    from unnest(r.conkey) with ordinality as k (num, place)
    inner join pg_catalog.pg_attribute as a on a.attrelid = r.conrelid and k.num = a.attnum
    order by k.place
  ) as columns,
  array(
    select a.attname::text
    from unnest(r.confkey) with ordinality as k (num, place)
    inner join pg_catalog.pg_attribute as a on a.attrelid = r.confrelid and k.num = a.attnum
    order by k.place
  ) as parent_columns
from pg_catalog.pg_constraint as r
inner join pg_catalog.pg_class as c on r.conrelid = c.oid
inner join pg_catalog.pg_class as p on r.confrelid = p.oid
where r.contype = 'f' and c.relnamespace = 'outbound'::regnamespace and not c.relispartition
order by c.relname, r.conname;

-- name: column_grants :many
-- The columns on which each role of ours holds each privilege; a role that may not enter the schema holds none.
select
  r.rolname as role,
  c.relname as relation,
  v.verb,
  array_agg(a.attname::text order by a.attnum) as columns
from pg_catalog.pg_class as c
inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
cross join pg_catalog.pg_roles as r
cross join unnest(array['select', 'insert', 'update']) as v (verb)
where c.relnamespace = 'outbound'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and r.rolname = any(%(roles)s::text[])
  and has_schema_privilege(r.oid, c.relnamespace, 'usage')
  and has_column_privilege(r.oid, c.oid, a.attnum, v.verb)
group by r.rolname, c.relname, v.verb
order by c.relname, r.rolname, v.verb;

-- name: delete_grants :many
-- The tables from which a role of ours may delete.
select
  r.rolname as role,
  c.relname as relation
from pg_catalog.pg_class as c
cross join pg_catalog.pg_roles as r
where c.relnamespace = 'outbound'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and r.rolname = any(%(roles)s::text[])
  and has_schema_privilege(r.oid, c.relnamespace, 'usage')
  and has_table_privilege(r.oid, c.oid, 'delete')
order by c.relname, r.rolname;

-- name: private_tables :many
-- The tables of schema ctx: keys and credentials, which no login role may even look at.
select c.relname as name
from pg_catalog.pg_class as c
where c.relnamespace = 'ctx'::regnamespace and c.relkind in ('r', 'p')
order by c.relname;

-- name: listed_values :many
-- The columns whose check names all their values, with these; and whether a trigger fires when one is written.
select
  c.relname::text as relation,
  a.attname::text as name,
  array(
    select m.found[1]
    from regexp_matches(pg_get_constraintdef(k.oid), '''([a-z_]+)''::text', 'g') as m (found)
  ) as values,
  exists(
    select from pg_catalog.pg_trigger as t
    where t.tgrelid = c.oid and not t.tgisinternal and a.attnum = any(t.tgattr::int2[])
  ) as fires
from pg_catalog.pg_constraint as k
inner join pg_catalog.pg_class as c on k.conrelid = c.oid
inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid and a.attnum = k.conkey[1]
where k.contype = 'c' and cardinality(k.conkey) = 1 and c.relnamespace = 'outbound'::regnamespace
  and pg_get_constraintdef(k.oid) like '%%= ANY (ARRAY[%%'
order by 1, 2;
