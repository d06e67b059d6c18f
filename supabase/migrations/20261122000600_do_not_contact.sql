-- Who must not be contacted, and the triggers that make it impossible to hand such a person to a provider.
-- Adding a suppression and pushing a lead race; shared and exclusive advisory locks (platform, organization) order them.

set role outbound_owner;

-- Why: a company's own list, and (company_id null) the organization's for all its companies.
create table outbound.suppressions (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid
  references outbound.organizations (id),
  company_id uuid default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  kind text not null check (kind in ('email', 'domain', 'linkedin_url')),
  value text not null check (length(value) between 3 and 500),
  value_normalized text generated always as (
    case kind
      when 'linkedin_url' then outbound.normalize_linkedin_url(value)
      else outbound.normalize_email(value)
    end
  ) stored,
  source text not null default 'manual' check (source in ('manual', 'unsubscribed')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  constraint suppressions_company foreign key (org_id, company_id) references outbound.companies (org_id, id),
  constraint suppressions_value check (value_normalized is not null)
);
create unique index suppressions_once on outbound.suppressions (org_id, company_id, value_normalized)
nulls not distinct where deleted_at is null;
create index suppressions_value on outbound.suppressions (org_id, value_normalized) where deleted_at is null;
create index suppressions_list on outbound.suppressions (org_id, company_id, id desc) where deleted_at is null;

-- Why: people no tenant of the platform may contact. No tenant can read it.
create table outbound.platform_suppressions (
  id uuid primary key default outbound.uuid_v7(),
  kind text not null check (kind in ('email', 'domain', 'linkedin_url')),
  value_normalized text not null unique,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

call outbound.guard(
  'suppressions', 'platform_suppressions'
);

-- For the wall below only: it trusts what it is given, so nobody may call it.
create function outbound.is_suppressed(org uuid, company uuid, email text, domain text, linkedin text)
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

create function outbound.lock_do_not_contact() returns trigger
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
create function outbound.hold_do_not_contact() returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('do-not-contact', 0));
  perform pg_advisory_xact_lock(hashtextextended('do-not-contact:' || coalesce(ctx.org_id()::text, ''), 0));
end
$$;

-- The wall: whatever asked for it, a suppressed person never becomes `sending`.
create function outbound.refuse_suppressed() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (
    select from outbound.leads as l
    where l.org_id = new.org_id and l.company_id = new.company_id and l.id = new.lead_id
      and outbound.is_suppressed(new.org_id, new.company_id, l.email_normalized, l.email_domain, l.linkedin_normalized)
  ) then
    new.push_state := 'suppressed';
    new.push_reason := 'suppressed';
    new.push_attempt_id := null;
    new.status := 'stopped';
  end if;
  return new;
end
$$;

-- What is waiting is marked at once; what the provider has been or may have been told is to be stopped there.
create function outbound.mark_suppressed(org uuid, company uuid, value text, reason text) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  update outbound.campaign_leads as e
  set
    push_state = case when e.push_state = 'pending' then 'suppressed' else e.push_state end,
    push_reason = case when e.push_state = 'pending' then 'suppressed' else e.push_reason end,
    stop_state = case when e.push_state = 'pending' then e.stop_state else 'due' end,
    stop_reason = case when e.push_state = 'pending' then e.stop_reason else reason end,
    status = case when e.status in ('queued', 'active', 'paused') then 'stopped' else e.status end
  from outbound.leads as l
  where l.org_id = org
    and (company is null or l.company_id = company)
    and value in (l.email_normalized, l.email_domain, l.linkedin_normalized)
    and e.org_id = l.org_id and e.company_id = l.company_id and e.lead_id = l.id
    and e.deleted_at is null
    and e.push_state in ('pending', 'sending', 'uncertain', 'pushed')
$$;

create function outbound.apply_suppression() returns trigger
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
create function outbound.apply_platform_suppression() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  tenant uuid;
begin
  perform ctx.refuse_second_context();
  for tenant in select distinct c.org_id from ctx.credentials as c loop
    perform ctx.set_scope(tenant, null, null, 'platform');
    perform outbound.mark_suppressed(tenant, null, new.value_normalized, 'suppressed');
  end loop;
  perform set_config('app.signature', '', true);
  return null;
end
$$;

-- The ledger's arrows. Whatever is told apart from them was never true.
create function outbound.refuse_wrong_turn() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if (old.push_state, new.push_state) not in (
    ('pending', 'sending'), ('pending', 'suppressed'),
    ('sending', 'pushed'), ('sending', 'uncertain'), ('sending', 'failed'), ('sending', 'pending'),
    ('sending', 'suppressed'),
    ('uncertain', 'pushed'), ('uncertain', 'pending'), ('uncertain', 'failed'), ('uncertain', 'suppressed')
  ) then
    raise exception 'push_state cannot go from % to %', old.push_state, new.push_state
    using errcode = '23514', constraint = 'campaign_leads_push_state_turn';
  end if;
  return new;
end
$$;

create trigger a_lock before insert or update of push_state on outbound.campaign_leads
for each statement execute function outbound.lock_do_not_contact('shared');
create trigger b_refuse_suppressed before update of push_state on outbound.campaign_leads
for each row when (new.push_state = 'sending' and old.push_state <> 'sending')
execute function outbound.refuse_suppressed();
create trigger c_turns before update of push_state on outbound.campaign_leads
for each row when (new.push_state <> old.push_state) execute function outbound.refuse_wrong_turn();
create trigger a_lock before insert on outbound.suppressions
for each statement execute function outbound.lock_do_not_contact('org');
create trigger b_apply after insert on outbound.suppressions
for each row execute function outbound.apply_suppression();
create trigger a_lock before insert on outbound.platform_suppressions
for each statement execute function outbound.lock_do_not_contact('platform');
create trigger b_apply after insert on outbound.platform_suppressions
for each row execute function outbound.apply_platform_suppression();
create trigger refuse_deleted_company after insert on outbound.suppressions
referencing new table as fresh
for each statement execute function outbound.refuse_deleted_parent('companies', 'company_id', 'suppressions_company');

reset role;
