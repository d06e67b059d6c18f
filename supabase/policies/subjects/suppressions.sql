-- Who must not be contacted: the lists, and what makes it impossible to hand such a person to a provider.

-- For the walls only: it trusts what it is given, so nobody may call it.
create or replace function outbound.is_suppressed(org uuid, company uuid, email text, domain text, linkedin text)
returns boolean
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from outbound.suppressions as s
    where s.org_id = org and s.value_normalized in (email, domain, linkedin)
      and (s.company_id = company or s.company_id is null) and s.deleted_at is null
  ) or exists (
    select from outbound.platform_suppressions as p where p.value_normalized in (email, domain, linkedin)
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

-- What is waiting is marked at once; what the provider has been or may have been told is to be stopped there. Whom a
-- suppression names is looked up first and by itself: joined in one go, the planner, to whom a list that has just come
-- in is a few rows, would compare everybody with everybody.
create or replace function outbound.mark_suppressed(org uuid, company uuid, value text, reason text) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  with named as materialized (
    select
      l.org_id,
      l.company_id,
      l.id
    from outbound.leads as l
    where l.org_id = org
      and (company is null or l.company_id = company)
      and value in (l.email_normalized, l.email_domain, l.linkedin_normalized)
  )

  update outbound.campaign_leads as e
  set
    push_state = case when e.push_state = 'pending' then 'suppressed' else e.push_state end,
    push_reason = case when e.push_state = 'pending' then 'suppressed' else e.push_reason end,
    stop_state = case when e.push_state = 'pending' then e.stop_state else 'due' end,
    stop_reason = case when e.push_state = 'pending' then e.stop_reason else reason end,
    status = case when e.status in ('queued', 'active', 'paused') then 'stopped' else e.status end
  from named as n
  where e.org_id = n.org_id and e.company_id = n.company_id and e.lead_id = n.id
    and e.deleted_at is null
    and e.push_state in ('pending', 'sending', 'uncertain', 'pushed')
$$;

create or replace function outbound.apply_suppression() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform outbound.mark_suppressed(
    new.org_id, new.company_id, new.value_normalized,
    case new.source when 'unsubscribed' then 'unsubscribed' else 'suppressed' end
  );
  return null;
end
$$;

-- The platform's list binds every tenant: each is opened in turn, since the fence binds this function's owner too.
create or replace function outbound.apply_platform_suppression() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  tenant uuid;
begin
  perform ctx.refuse_second_context();
  for tenant in select t.org_id from ctx.tenants as t where t.deleted_at is null loop
    perform ctx.set_scope(tenant, null, null, 'platform');
    perform outbound.mark_suppressed(tenant, null, new.value_normalized, 'suppressed');
  end loop;
  perform set_config('app.signature', '', true);
  return null;
end
$$;

-- Which of these addresses must not be contacted. Definer: no tenant may read the platform's list, nor a company the
-- organization's; both are asked here in one statement for a whole list. A company asks for itself, whatever it says.
create or replace function outbound.suppressed_among(company uuid, emails text[]) returns setof text
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  with asker as (
    select case when s.tier = 'company' then s.company_id else company end as company_id from ctx.scope() as s
  ),

  asked as (
    select e.email, split_part(e.email, '@', -1) as domain
    from unnest(emails) as e (email)
    where ctx.org_id() is not null
  ),

  listed as materialized (
    select s.value_normalized as value
    from outbound.suppressions as s
    where s.deleted_at is null
      and (s.company_id is null or s.company_id = (select k.company_id from asker as k))
      and s.value_normalized in (select a.email from asked as a union select a.domain from asked as a)
    union
    select p.value_normalized
    from outbound.platform_suppressions as p
    where p.value_normalized in (select a.email from asked as a union select a.domain from asked as a)
  )

  select a.email
  from asked as a
  where a.email in (select l.value from listed as l) or a.domain in (select l.value from listed as l)
$$;

create or replace function outbound.suppression_document(s outbound.suppressions) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', s.id, 'company_id', s.company_id, 'kind', s.kind, 'value', s.value_normalized, 'source', s.source,
    'created_at', s.created_at
  )
$$;

create or replace trigger a_lock before insert on outbound.suppressions
for each statement execute function outbound.lock_do_not_contact('org');
-- Takes a person for unsubscribed, by address and by profile, and returns how many entries are new. Definer: nobody else
-- may write that somebody unsubscribed, since only an administrator may lift it.
create or replace function outbound.unsubscribe(lead uuid) returns bigint
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  with written as (
    insert into outbound.suppressions as s (org_id, company_id, kind, value, source)
    select l.org_id, l.company_id, known.kind, known.value, 'unsubscribed'
    from ctx.scope() as c
    inner join outbound.leads as l on c.org_id = l.org_id and (c.tier <> 'company' or c.company_id = l.company_id)
    cross join lateral (
      values ('email', l.email_normalized), ('linkedin_url', l.linkedin_normalized)
    ) as known (kind, value)
    where l.id = lead and l.deleted_at is null and known.value is not null
    on conflict (org_id, company_id, value_normalized) where deleted_at is null
      do update set source = excluded.source where s.source <> excluded.source
    returning (xmax = 0) as is_new
  )

  select count(*) filter (where w.is_new) from written as w
$$;

create or replace trigger b_apply after insert on outbound.suppressions
for each row execute function outbound.apply_suppression();
create or replace trigger refuse_deleted_company after insert on outbound.suppressions referencing new table as fresh
for each statement execute function outbound.refuse_deleted_parent('companies', 'company_id', 'suppressions_company');
create or replace trigger a_lock before insert on outbound.platform_suppressions
for each statement execute function outbound.lock_do_not_contact('platform');
create or replace trigger b_apply after insert on outbound.platform_suppressions
for each row execute function outbound.apply_platform_suppression();

grant execute on function outbound.suppression_document(outbound.suppressions) to outbound_org, outbound_company;
grant execute on function outbound.unsubscribe(uuid) to outbound_org, outbound_company;
grant select on outbound.suppressions to outbound_org, outbound_company, outbound_worker;
grant insert (company_id, kind, value), update (deleted_at) on outbound.suppressions to outbound_org, outbound_company;
grant insert (company_id, kind, value, source) on outbound.suppressions to outbound_worker;
