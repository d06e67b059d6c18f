-- Who must not be contacted: the lists, what makes it impossible to hand such a person to a provider, and how those who
-- were handed over before are stopped.

-- Every key of a list that could cover a person: their address, with and without its tag, its domain and those above it,
-- their profile.
create or replace function outbound.covering_keys(email text, domain text, linkedin text) returns text[]
language sql immutable parallel safe
as $$
  select array_remove(
    array[email, outbound.untagged(email), linkedin] || coalesce(outbound.domains_above(domain), '{}'), null
  )
$$;

-- For the walls only: it trusts what it is given, so nobody may call it.
create or replace function outbound.is_suppressed(org uuid, company uuid, email text, domain text, linkedin text)
returns boolean
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from outbound.suppressions as s
    where s.org_id = org and s.value_key = any(outbound.covering_keys(email, domain, linkedin))
      and (s.company_id = company or s.company_id is null) and s.deleted_at is null
      and (
        s.value_key in (email, domain, linkedin)
        or (s.kind = 'domain' and s.include_subdomains) or (s.kind = 'email' and s.include_tags)
      )
  ) or exists (
    select from outbound.platform_suppressions as p
    where p.value_key = any(outbound.covering_keys(email, domain, linkedin))
      and (
        p.value_key in (email, domain, linkedin)
        or (p.kind = 'domain' and p.include_subdomains) or (p.kind = 'email' and p.include_tags)
      )
  )
$$;

-- Adding a suppression and pushing a lead race; shared and exclusive advisory locks (platform, organization) order
-- them. A trigger of the lists and of enrolments.
create or replace function outbound.lock_do_not_contact() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  org text := coalesce(ctx.org_id()::text, '');
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'do-not-contact needs read committed' using errcode = '25001';
  end if;
  if tg_argv[0] = 'shared' then
    perform pg_advisory_xact_lock_shared(hashtextextended('do-not-contact', 0));
    perform pg_advisory_xact_lock_shared(hashtextextended('do-not-contact:' || org, 0));
  elsif tg_argv[0] = 'org' then
    perform pg_advisory_xact_lock_shared(hashtextextended('do-not-contact', 0));
    perform pg_advisory_xact_lock(hashtextextended('do-not-contact:' || org, 0));
  else
    perform pg_advisory_xact_lock(hashtextextended('do-not-contact', 0));
  end if;
  return null;
end
$$;

-- For a transaction that will touch enrolments and then suppress somebody: taken first, the locks cannot cross.
create or replace function outbound.lock_do_not_contact_ahead() returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('do-not-contact', 0));
  perform pg_advisory_xact_lock(hashtextextended('do-not-contact:' || coalesce(ctx.org_id()::text, ''), 0));
end
$$;

-- Marks the next of those whom new entries cover: what is waiting is taken out, what the provider has been or may have
-- been told is to be stopped there. The entry is the wall from its commit on; this only tidies up behind it, some
-- thousand enrolments at a time, under no lock but theirs. Returns 0 when all is done. An entry that was changed since it
-- was read here stays unmarked: who is covered now was not looked for.
create or replace function outbound.mark_suppressed(batch integer) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  org uuid := ctx.org_id();
  entries uuid[];
  read_at timestamptz[];
  platform_to bigint;
  companies uuid[];
  total bigint;
begin
  if (select s.tier from ctx.scope() as s) is distinct from 'worker' then
    raise exception 'no context' using errcode = '42501';
  end if;
  select array_agg(n.id), array_agg(n.updated_at) into entries, read_at from (
    select s.id, s.updated_at from outbound.suppressions as s
    where s.org_id = org and s.marked_at is null and s.deleted_at is null
    order by s.id limit 500
  ) as n;
  select max(n.number) into platform_to from (
    select p.number from outbound.platform_suppressions as p
    where p.number > (select t.platform_marked_to from ctx.tenants as t where t.org_id = org)
    order by p.number limit 500
  ) as n;
  select array_agg(distinct m.company_id) filter (where m.company_id is not null), count(*) into companies, total
  from outbound.mark_enrolments(org, entries, platform_to, batch) as m;
  if total < batch then
    update outbound.suppressions as s set marked_at = now()
    from unnest(entries, read_at) as e (id, updated_at)
    where s.org_id = org and s.id = e.id and s.updated_at = e.updated_at;
    update ctx.tenants as t set platform_marked_to = platform_to
    where t.org_id = org and platform_to is not null;
  end if;
  perform jobs.wake(k.id, true) from unnest(companies) as k (id);
  if entries is not null then
    perform outbound.note_block_lists(org, null);
  end if;
  return total + coalesce(cardinality(entries), 0) + case when platform_to is null then 0 else 1 end;
end
$$;

-- Which entries a marking is about: the given ones of the organization, and the platform's that it has not seen yet.
create or replace function outbound.entries_to_mark(org uuid, entries uuid[], platform_to bigint)
returns table (company_id uuid, kind text, key text, subdomains boolean, tags boolean, reason text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select s.company_id, s.kind, s.value_key, s.include_subdomains, s.include_tags,
    case when s.source in ('unsubscribed', 'bounced') then s.source else 'suppressed' end
  from outbound.suppressions as s
  where s.org_id = org and s.id = any(entries)
  union all
  select null, p.kind, p.value_key, p.include_subdomains, p.include_tags, 'suppressed'
  from outbound.platform_suppressions as p
  where p.number <= platform_to and p.number > (
    select t.platform_marked_to from ctx.tenants as t where t.org_id = org
  )
$$;

-- Has the block lists of a company's accounts, or of all of an organization's, compared with our lists again.
create or replace function outbound.note_block_lists(org uuid, company uuid) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  account uuid;
begin
  for account in
    update outbound.provider_accounts as a
    set block_list_due = true
    where a.org_id = org and not a.block_list_due and a.deleted_at is null and exists (
      select from outbound.providers as p where p.key = a.provider and p.block_list
    ) and exists (
      select from outbound.connections as k
      where k.org_id = org and k.account_id = a.id and (company is null or k.company_id = company)
        and k.deleted_at is null
    )
    returning a.id
  loop
    perform jobs.enqueue('account.work', account, clock_timestamp() + interval '2 seconds');
  end loop;
end
$$;

-- An entry that goes is taken off the accounts' own lists too.
create or replace function outbound.lift_entry() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform outbound.note_block_lists(new.org_id, new.company_id);
  return null;
end
$$;

-- New entries, and those that cover more than before, have those whom they cover marked: soon, and by a job.
create or replace function outbound.queue_marking() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  alone boolean := ctx.org_id() is null;
  org uuid;
begin
  for org in select distinct f.org_id from fresh as f where f.marked_at is null and f.deleted_at is null order by 1 loop
    if alone then
      perform ctx.set_scope(org, null, null, 'platform');
    end if;
    perform jobs.enqueue('suppression.mark', org);
  end loop;
  if alone then
    perform set_config('app.signature', '', true);
  end if;
  return null;
end
$$;

-- The platform's list binds every tenant: each is opened in turn, since the fence binds this function's owner too.
create or replace function outbound.queue_platform_marking() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  asker record;
  tenant uuid;
begin
  if not exists (select from fresh) then
    return null;
  end if;
  select s.org_id, s.user_id, s.tier into asker from ctx.scope() as s;
  for tenant in select t.org_id from ctx.tenants as t where t.deleted_at is null order by 1 loop
    perform ctx.set_scope(tenant, null, null, 'platform');
    perform jobs.enqueue('suppression.mark', tenant);
  end loop;
  perform ctx.set_scope(asker.org_id, null, asker.user_id, asker.tier);
  if asker.tier is null then
    perform set_config('app.signature', '', true);
  end if;
  return null;
end
$$;

-- That somebody unsubscribed, bounced or complained is written by what has seen it alone: an entry of such a source is
-- lifted by fewer people than one that was made by hand.
create or replace function outbound.refuse_source() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.source not in ('manual', 'import') and (select s.tier from ctx.scope() as s) in ('org', 'company')
    and current_user in ('outbound_org', 'outbound_company') then
    raise exception 'this source is not written by hand' using errcode = '42501';
  end if;
  return new;
end
$$;

-- Which of these keys must not be contacted. Definer: no tenant may read the platform's list, nor a company the
-- organization's; both are asked here in one statement for a whole list. A company asks for itself, whatever it says.
create or replace function outbound.suppressed_among(company uuid, keys text[]) returns setof text
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  with asker as (
    select case when s.tier = 'company' then s.company_id else company end as company_id from ctx.scope() as s
  ),

  asked as materialized (
    select g.key, g.domain, c.candidate
    from (
      select k.key, case when k.key like '%@%' then split_part(k.key, '@', 2) end as domain
      from unnest(keys) as k (key)
      where ctx.org_id() is not null
    ) as g
    cross join lateral unnest(outbound.covering_keys(g.key, g.domain, null)) as c (candidate)
  ),

  listed as materialized (
    select s.value_key, s.kind, s.include_subdomains, s.include_tags
    from outbound.suppressions as s
    where s.deleted_at is null
      and (s.company_id is null or s.company_id = (select k.company_id from asker as k))
      and s.value_key in (select a.candidate from asked as a)
    union
    select p.value_key, p.kind, p.include_subdomains, p.include_tags
    from outbound.platform_suppressions as p
    where p.value_key in (select a.candidate from asked as a)
  )

  select distinct a.key
  from asked as a
  inner join listed as l on a.candidate = l.value_key
  where l.value_key in (a.key, a.domain)
    or (l.kind = 'domain' and l.include_subdomains) or (l.kind = 'email' and l.include_tags)
$$;

create or replace function outbound.suppression_document(s outbound.suppressions) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', s.id, 'company_id', s.company_id, 'kind', s.kind, 'value', s.value,
    'include_subdomains', case when s.kind = 'domain' then s.include_subdomains end,
    'include_plus_tags', case when s.kind = 'email' then s.include_tags end,
    'source', s.source, 'source_at', s.source_at, 'created_at', s.created_at
  )
$$;

-- Takes a person for unsubscribed, by address and by profile, and returns how many entries are new. Definer: nobody else
-- may write that somebody unsubscribed, since only an administrator may lift it.
create or replace function outbound.unsubscribe(lead uuid) returns bigint
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  with written as (
    insert into outbound.suppressions as s (org_id, company_id, kind, value, value_key, source)
    select l.org_id, l.company_id, known.kind, known.value, known.key, 'unsubscribed'
    from ctx.scope() as c
    inner join outbound.leads as l on c.org_id = l.org_id and (c.tier <> 'company' or c.company_id = l.company_id)
    cross join lateral (
      values ('email', l.email, l.email_key), ('linkedin_url', l.linkedin_url, l.linkedin_key)
    ) as known (kind, value, key)
    where l.id = lead and l.deleted_at is null and known.key is not null
    on conflict (org_id, company_id, value_key) where deleted_at is null
      do update set source = excluded.source where s.source <> excluded.source
    returning (xmax = 0) as is_new
  )

  select count(*) filter (where w.is_new) from written as w
$$;

create or replace trigger a_lock before insert on outbound.suppressions
for each statement execute function outbound.lock_do_not_contact('org');
create or replace trigger b_source before insert or update of source on outbound.suppressions
for each row execute function outbound.refuse_source();
create or replace trigger queue_marking after insert on outbound.suppressions referencing new table as fresh
for each statement execute function outbound.queue_marking();
create or replace trigger lift_entry after update of deleted_at on outbound.suppressions
for each row when (old.deleted_at is null and new.deleted_at is not null) execute function outbound.lift_entry();
create or replace trigger queue_widened after update on outbound.suppressions referencing new table as fresh
for each statement execute function outbound.queue_marking();
create or replace trigger refuse_deleted_company after insert on outbound.suppressions referencing new table as fresh
for each statement execute function outbound.refuse_deleted_parent('companies', 'company_id', 'suppressions_company');
create or replace trigger a_lock before insert on outbound.platform_suppressions
for each statement execute function outbound.lock_do_not_contact('platform');
create or replace trigger queue_marking after insert on outbound.platform_suppressions
referencing new table as fresh for each statement execute function outbound.queue_platform_marking();

-- When there is work: an entry of the organization's, or of the platform's, whose people have not been marked yet.
create or replace view jobs.due_suppressions with (security_invoker = true) as
select
  s.org_id,
  s.org_id as subject,
  null::text as step,
  s.updated_at as due_at
from outbound.suppressions as s
where s.marked_at is null and s.deleted_at is null
union all
select
  t.org_id,
  t.org_id as subject,
  null::text as step,
  now() as due_at
from ctx.tenants as t
where
  t.org_id = (select ctx.org_id()) and t.deleted_at is null
  and exists (
    select from outbound.platform_suppressions as p
    where p.number > t.platform_marked_to
  );
comment on view jobs.due_suppressions is 'suppression.mark';

-- When there is work for a lane: an account's own block list is to be compared with our lists.
create or replace view jobs.due_block_lists with (security_invoker = true) as
select
  k.org_id,
  k.account_id as subject,
  'sync_block_list' as step,
  coalesce(a.block_list_after, now()) as due_at
from outbound.connections as k
inner join outbound.provider_accounts as a on k.org_id = a.org_id and k.account_id = a.id
inner join outbound.providers as p on k.provider = p.key
where k.status = 'connected' and k.deleted_at is null and p.block_list and a.block_list_due;
comment on view jobs.due_block_lists is 'account.work';

grant execute on function outbound.suppression_document(outbound.suppressions) to outbound_org, outbound_company;
grant execute on function outbound.unsubscribe(uuid) to outbound_org, outbound_company;
grant select on outbound.suppressions to outbound_org, outbound_company, outbound_worker;
grant insert (company_id, kind, value, value_key, include_subdomains, include_tags, source, source_at),
update (include_subdomains, include_tags, marked_at, deleted_at)
on outbound.suppressions to outbound_org, outbound_company;
grant insert (company_id, kind, value, value_key, source), update (source, value_key, marked_at)
on outbound.suppressions to outbound_worker;
grant select, insert (account_id, entry), update (seen_at, refused_at), delete on outbound.block_list_entries
to outbound_worker;
grant select, insert (kind, value, value_key, include_subdomains, include_tags, source),
update (include_subdomains, include_tags, number), delete
on outbound.platform_suppressions to outbound_platform;
