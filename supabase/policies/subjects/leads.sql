-- Leads and their enrolment in campaigns: who is handed over to a provider, once, and who never is.

-- The wall: whatever asked for it, a suppressed person never becomes `sending`. Nor does anybody of a campaign or a
-- tenant that is not active.
create or replace function outbound.refuse_suppressed() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select
    from outbound.campaigns as c
    inner join outbound.companies as k on k.org_id = c.org_id and k.id = c.company_id
    inner join outbound.organizations as o on o.id = c.org_id
    where c.org_id = new.org_id and c.company_id = new.company_id and c.id = new.campaign_id
      and c.status = 'active' and k.status = 'active' and o.status = 'active'
  ) then
    -- Told by somebody who read an older page: it stays what it was.
    new.push_state := old.push_state;
    new.push_attempt_id := old.push_attempt_id;
    new.push_attempts := old.push_attempts;
    new.push_attempted_at := old.push_attempted_at;
    new.push_reason := old.push_reason;
    return new;
  end if;
  if exists (
    select from outbound.leads as l
    where l.org_id = new.org_id and l.company_id = new.company_id and l.id = new.lead_id
      and outbound.is_suppressed(new.org_id, new.company_id, l.email_key, l.domain_key, l.linkedin_key)
  ) then
    new.push_state := 'suppressed';
    new.push_reason := 'suppressed';
    new.push_attempt_id := null;
    new.status := 'stopped';
  end if;
  return new;
end
$$;

-- The ledger's arrows. Whatever is told apart from them was never true.
create or replace function outbound.refuse_wrong_turn() returns trigger
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

-- The people of a company whom one entry covers.
create or replace function outbound.covered_leads(
  org uuid, company uuid, kind text, key text, subdomains boolean, tags boolean
) returns setof uuid
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select l.id from outbound.leads as l
  where kind = 'email' and l.org_id = org and l.company_id = company and l.email_key = key and l.deleted_at is null
  union all
  select l.id from outbound.leads as l
  where kind = 'email' and tags and l.org_id = org and l.company_id = company and l.deleted_at is null
    and l.email_key >= split_part(key, '@', 1) || '+' and l.email_key < split_part(key, '@', 1) || ','
    and outbound.untagged(l.email_key) = key
  union all
  select l.id from outbound.leads as l
  where kind = 'domain' and l.org_id = org and l.company_id = company and l.deleted_at is null
    and l.domain_path = outbound.domain_path(key)
  union all
  select l.id from outbound.leads as l
  where kind = 'domain' and subdomains and l.org_id = org and l.company_id = company and l.deleted_at is null
    and l.domain_path >= outbound.domain_path(key) || '.' and l.domain_path < outbound.domain_path(key) || '/'
  union all
  select l.id from outbound.leads as l
  where kind = 'linkedin_url' and l.org_id = org and l.company_id = company and l.linkedin_key = key
    and l.deleted_at is null
$$;

-- Marks the next enrolments of those whom entries cover, and returns a row for each that was due: the company's, or null
-- where somebody else has meanwhile seen to it. Whom the entries cover is looked up first and by itself, by ranges of
-- indexes: joined in one go, the planner, to whom a list that has just come in is a few rows, would compare everybody
-- with everybody.
create or replace function outbound.mark_enrolments(org uuid, entries uuid[], platform_to bigint, batch integer)
returns table (company_id uuid)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  due record;
begin
  for due in
    with listed as materialized (
      select t.company_id, t.kind, t.key, t.subdomains, t.tags, t.reason
      from outbound.entries_to_mark(org, entries, platform_to) as t
    ),

    named as materialized (
      select k.company_id, n.id, max(k.reason) as reason
      from (
        select t.company_id, t.kind, t.key, t.subdomains, t.tags, t.reason from listed as t where t.company_id is not null
        union all
        select c.id, t.kind, t.key, t.subdomains, t.tags, t.reason
        from listed as t
        inner join outbound.companies as c on c.org_id = org
        where t.company_id is null
      ) as k
      cross join lateral outbound.covered_leads(org, k.company_id, k.kind, k.key, k.subdomains, k.tags) as n (id)
      group by k.company_id, n.id
    )

    select d.reason, array_agg(d.id order by d.id) as ids
    from (
      select e.id, n.reason
      from named as n
      cross join lateral (
        select p.id
        from outbound.campaign_leads as p
        where p.org_id = org and p.company_id = n.company_id and p.lead_id = n.id and p.deleted_at is null
          and (p.push_state = 'pending' or (p.push_state in ('sending', 'uncertain', 'pushed') and p.stop_state is null))
        offset 0
      ) as e
      order by e.id
      limit batch
    ) as d
    group by d.reason
  loop
    return query
    with marked as (
      update outbound.campaign_leads as e
      set
        push_state = case when e.push_state = 'pending' then 'suppressed' else e.push_state end,
        push_reason = case when e.push_state = 'pending' then 'suppressed' else e.push_reason end,
        stop_state = case when e.push_state = 'pending' then e.stop_state else 'due' end,
        stop_reason = case when e.push_state = 'pending' then e.stop_reason else due.reason end,
        status = case when e.status in ('queued', 'active', 'paused') then 'stopped' else e.status end
      where e.org_id = org and e.id = any(due.ids) and e.deleted_at is null
        and (e.push_state = 'pending' or (e.push_state in ('sending', 'uncertain', 'pushed') and e.stop_state is null))
      returning e.id, e.company_id
    )

    select marked.company_id
    from unnest(due.ids) as d (id)
    left join marked on d.id = marked.id;
  end loop;
end
$$;

create or replace function outbound.lead_document(l outbound.leads) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', l.id, 'company_id', l.company_id, 'email', l.email, 'linkedin_url', l.linkedin_url,
    'first_name', l.first_name, 'last_name', l.last_name, 'company_name', l.company_name, 'custom', l.custom,
    'metadata', l.metadata, 'source', l.source, 'source_at', l.source_at,
    'created_at', l.created_at, 'updated_at', l.updated_at
  )
$$;

create or replace function outbound.campaign_lead_document(e outbound.campaign_leads, l outbound.leads) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', e.id, 'campaign_id', e.campaign_id, 'lead_id', e.lead_id, 'status', e.status,
    'rests_until', case when e.status = 'paused' then e.rests_until end,
    'push', json_build_object('state', e.push_state, 'reason', e.push_reason),
    'email', l.email, 'first_name', l.first_name, 'last_name', l.last_name, 'company_name', l.company_name,
    'custom', l.custom, 'last_event_at', e.last_event_at, 'created_at', e.created_at, 'updated_at', e.updated_at
  )
$$;

-- Who is taken out of a campaign by hand: stopped at the provider, or never handed over to it.
create or replace function outbound.remove_enrolment() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.push_state = 'pending' then
    new.push_state := 'suppressed';
    new.push_reason := 'removed';
  elsif new.push_state in ('sending', 'uncertain', 'pushed') then
    new.stop_state := 'due';
    new.stop_reason := 'removed';
  end if;
  new.pause_state := null;
  return new;
end
$$;

create or replace trigger refuse_deleted_companies after insert on outbound.leads referencing new table as fresh
for each statement execute function outbound.refuse_deleted_parent('companies', 'company_id', 'leads_company');
create or replace trigger refuse_deleted_campaigns after insert on outbound.campaign_leads
referencing new table as fresh for each statement
execute function outbound.refuse_deleted_parent('campaigns', 'campaign_id', 'campaign_leads_campaign');
create or replace trigger refuse_deleted_leads after insert on outbound.campaign_leads
referencing new table as fresh for each statement
execute function outbound.refuse_deleted_parent('leads', 'lead_id', 'campaign_leads_lead');
create or replace trigger a_lock before insert or update of push_state on outbound.campaign_leads
for each statement execute function outbound.lock_do_not_contact('shared');
create or replace trigger a_remove before update of status on outbound.campaign_leads
for each row when (
  new.status = 'stopped' and old.status in ('queued', 'active', 'paused') and new.stop_state is null
  and new.push_state is not distinct from old.push_state
)
execute function outbound.remove_enrolment();
create or replace trigger b_refuse_suppressed before update of push_state on outbound.campaign_leads
for each row when (new.push_state = 'sending' and old.push_state <> 'sending')
execute function outbound.refuse_suppressed();
create or replace trigger c_turns before update of push_state on outbound.campaign_leads
for each row when (new.push_state <> old.push_state) execute function outbound.refuse_wrong_turn();

-- When there is work for a lane: somebody is to be handed over, to be stopped or paused, or is in doubt.
create or replace view jobs.due_leads with (security_invoker = true) as
select
  k.org_id,
  k.account_id as subject,
  w.step,
  w.due_at
from outbound.connections as k
cross join lateral (
  select
    case e.push_state when 'sending' then 'recover_pushes' else 'settle_pushes' end as step,
    min(coalesce(e.push_ask_after, e.push_attempted_at)) as due_at
  from outbound.campaign_leads as e
  inner join outbound.campaigns as c
    on e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
  where
    e.org_id = k.org_id and e.company_id = k.company_id and c.capability = k.capability
    and e.push_state in ('sending', 'uncertain') and e.deleted_at is null
  group by e.push_state
  union all
  select
    'stop_leads',
    now()
  where exists (
    select from outbound.campaign_leads as e
    inner join outbound.campaign_bindings as b
      on e.org_id = b.org_id and e.company_id = b.company_id and e.campaign_id = b.campaign_id
    where
      e.org_id = k.org_id and e.company_id = k.company_id and e.deleted_at is null
      and e.stop_state = 'due' and e.push_state = 'pushed'
      and b.connection_id = k.id and b.external_id is not null
  )
  union all
  select
    'pause_leads',
    now()
  where exists (
    select from outbound.campaign_leads as e
    inner join outbound.campaign_bindings as b
      on e.org_id = b.org_id and e.company_id = b.company_id and e.campaign_id = b.campaign_id
    where
      e.org_id = k.org_id and e.company_id = k.company_id and e.deleted_at is null
      and e.pause_state in ('pause', 'resume') and e.push_state = 'pushed' and e.stop_state is null
      and b.connection_id = k.id and b.external_id is not null
  )
  union all
  select
    'pause_leads',
    min(e.rests_until)::timestamp at time zone 'UTC'
  from outbound.campaign_leads as e
  inner join outbound.campaigns as c
    on e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
  where
    e.org_id = k.org_id and e.company_id = k.company_id and c.capability = k.capability
    and e.rests_until is not null and e.status = 'paused' and e.deleted_at is null
  having min(e.rests_until) is not null
  union all
  select
    'push_leads',
    now()
  where k.closing_at is null and exists (
    select from outbound.campaigns as c
    inner join outbound.campaign_bindings as b
      on c.org_id = b.org_id and c.company_id = b.company_id and c.id = b.campaign_id
    where
      c.org_id = k.org_id and c.company_id = k.company_id and c.status = 'active' and c.deleted_at is null
      and c.revision = c.synced_revision and c.sync_error is null
      and b.connection_id = k.id and b.external_id is not null
      and exists (
        select from outbound.campaign_leads as e
        where
          e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
          and e.push_state = 'pending' and e.status = 'queued' and e.deleted_at is null
        order by e.id
        offset 0
      )
  )
) as w
where k.status = 'connected' and k.deleted_at is null;
comment on view jobs.due_leads is 'account.work';

grant execute on function
outbound.lead_document(outbound.leads), outbound.campaign_lead_document(outbound.campaign_leads, outbound.leads)
to outbound_org, outbound_company;
grant select on outbound.leads to outbound_org, outbound_company, outbound_worker;
grant insert (
  company_id, email, email_key, domain_key, linkedin_url, linkedin_key, first_name, last_name, company_name, first_key,
  last_key, company_key, source, source_at, custom
),
update (
  email, email_key, domain_key, linkedin_url, linkedin_key, first_name, last_name, company_name, first_key,
  last_key, company_key, source, source_at, custom, metadata, deleted_at
)
on outbound.leads to outbound_org, outbound_company;
-- `outbound refold` alone.
grant update (email_key, domain_key, linkedin_key) on outbound.leads to outbound_worker;
grant select on outbound.campaign_leads to outbound_org, outbound_company, outbound_worker;
grant insert (company_id, campaign_id, lead_id), update (status, pause_state, rests_until, deleted_at)
on outbound.campaign_leads
to outbound_org, outbound_company;
grant update (
  status, push_state, push_attempt_id, push_attempts, push_attempted_at, push_reason, pushed_at,
  push_ask_after, stop_state, stop_reason, pause_state, rests_until, last_event_at
) on outbound.campaign_leads to outbound_worker;
grant select on outbound.lead_bindings to outbound_org, outbound_worker;
grant insert (company_id, campaign_lead_id, external_id), update (external_id) on outbound.lead_bindings
to outbound_worker;
