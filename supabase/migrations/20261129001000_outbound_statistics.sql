-- What tenants wrote is in no statistics: Postgres keeps the most common values of a column for all tenants together, and
-- `explain` tells anybody who may read the table how often each occurs. Plans go by keys and states, whose statistics stay.

set role outbound_owner;

do $$
declare
  item record;
begin
  for item in
    select c.oid::regclass as tab, a.attname as col
    from pg_catalog.pg_attribute as a
    inner join pg_catalog.pg_class as c on c.oid = a.attrelid
    where c.relnamespace = 'outbound'::regnamespace and c.relkind in ('r', 'p')
      and a.attnum > 0 and not a.attisdropped
      and a.atttypid in ('text'::regtype, 'jsonb'::regtype, 'bytea'::regtype, 'text[]'::regtype)
      -- Words of ours, which a check enumerates or a key refers to, tell nothing of anybody.
      and not exists (
        select
        from pg_catalog.pg_constraint as k
        where k.conrelid = c.oid and a.attnum = any(k.conkey)
          and (
            (k.contype = 'c' and pg_get_constraintdef(k.oid) like '%= ANY (ARRAY[%')
            or (k.contype = 'f' and k.confrelid in ('outbound.capabilities'::regclass, 'outbound.providers'::regclass))
          )
      )
  loop
    execute format('alter table %s alter column %I set statistics 0', item.tab, item.col);
  end loop;
end
$$;

-- Postgres takes a tenant that it has no figure of for as small as most are. Then reading all of it looks as cheap as
-- finding one row by its key, and with old statistics it does so with the largest. So it is told that there are few, keeps
-- the frequency of the largest alone, and learns that a campaign is of one company and a company of one organization: that
-- makes every tenant look large, and a key is what is looked up first.
do $$
declare
  item record;
begin
  for item in
    select c.oid::regclass as tab, a.attname as col
    from pg_catalog.pg_attribute as a
    inner join pg_catalog.pg_class as c on c.oid = a.attrelid
    where c.relnamespace = 'outbound'::regnamespace and c.relkind in ('r', 'p')
      and a.attname in ('org_id', 'company_id', 'campaign_id', 'connection_id', 'account_id')
  loop
    execute format(
      'alter table %s alter column %I set (n_distinct = %s)', item.tab, item.col, case item.col when 'org_id' then 4 else 20 end
    );
    execute format('alter table %s alter column %I set statistics 1', item.tab, item.col);
  end loop;
  for item in
    select c.relname, string_agg(quote_ident(a.attname), ', ' order by a.attnum) as cols
    from pg_catalog.pg_attribute as a
    inner join pg_catalog.pg_class as c on c.oid = a.attrelid
    where c.relnamespace = 'outbound'::regnamespace and c.relkind in ('r', 'p')
      and a.attname in ('org_id', 'company_id', 'campaign_id', 'connection_id', 'account_id')
    group by c.relname
    having count(*) > 1
  loop
    execute format(
      'create statistics outbound.%I (dependencies) on %s from outbound.%I', item.relname || '_tenant', item.cols,
      item.relname
    );
  end loop;
end
$$;

reset role;
