-- name: counted_tables :many
-- Every table whose rows a tenant could lose or gain, and the columns that say whose a row is; the queue's jobs say it
-- in their arguments.
select
  n.nspname::text as schema,
  c.relname::text as name,
  case
    when c.relname = 'organizations' then 't.id'
    when c.relname = 'procrastinate_jobs' then 't.args ->> ''org_id'''
    when 'org_id' = any(listed.columns) then 't.org_id'
    else 'null'
  end as org,
  case
    when c.relname = 'companies' then 't.id'
    when 'assigned_to' = any(listed.columns) then 't.assigned_to'
    when 'company_id' = any(listed.columns) then 't.company_id'
    else 'null'
  end as company
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
cross join lateral (
  select array_agg(a.attname::text) as columns
  from pg_catalog.pg_attribute as a
  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
) as listed
where c.relkind in ('r', 'p')
  and (
    n.nspname = 'outbound'
    or (n.nspname = 'ctx' and 'org_id' = any(listed.columns))
    or (n.nspname = 'jobs' and c.relname = 'procrastinate_jobs')
  )
order by 1, 2;

-- name: called_functions :many
-- The functions that were called in this transaction, so far as Postgres counts them (`track_functions`).
select f.funcid::regprocedure::text as name
from pg_catalog.pg_stat_xact_user_functions as f
where f.calls > 0;
