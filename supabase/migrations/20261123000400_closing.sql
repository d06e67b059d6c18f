-- How a tenant ends: its campaigns are paused first, everywhere and by the database itself; what a provider still has to
-- be told is told; then credentials are destroyed and rows go. A closed tenant's work is pausing, stopping and erasing.

set role outbound_owner;

alter table outbound.campaigns
add column pause_reason text check (pause_reason in ('suspended', 'disconnected', 'operator')),
add constraint campaigns_pause_reason check ((pause_reason is null) or status = 'paused');

alter table outbound.connections
alter column credential drop not null,
add column closing_at timestamptz, -- disconnecting: the lane pauses and stops, then the credential is destroyed
add constraint connections_credential check (
  (credential is not null) or (status = 'disconnected') or (deleted_at is not null)
);
create index connections_closing on outbound.connections (org_id, account_id) where closing_at is not null;

-- Pauses what runs, says so in the company's events, and wakes the lanes that tell the providers. For triggers only: it
-- trusts what it is given. `cap` null means every capability.
create function outbound.pause_campaigns(org uuid, company uuid, cap text, reason text) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  paused record;
  total bigint := 0;
begin
  for paused in
    with stopped as (
      update outbound.campaigns as c
      set status = 'paused', pause_reason = reason, revision = c.revision + 1, sync_error = null
      where c.org_id = org and (company is null or c.company_id = company) and (cap is null or c.capability = cap)
        and c.status = 'active' and c.deleted_at is null
      returning c.company_id, c.id
    )
    select s.company_id, array_agg(s.id order by s.id) as ids from stopped as s group by s.company_id order by 1
  loop
    insert into outbound.events (org_id, company_id, sequence, type, campaign_id, data, occurred_at)
    select org, paused.company_id, taken.last + n.ordinality, 'campaign.paused', n.id,
      jsonb_build_object('reason', reason), now()
    from (select outbound.take_seq(org, paused.company_id, cardinality(paused.ids)) as last) as taken,
      unnest(paused.ids) with ordinality as n (id, ordinality);
    perform jobs.wake(paused.company_id);
    total := total + cardinality(paused.ids);
  end loop;
  return total;
end
$$;

-- As take_seq, for functions of the owner, whose organization need not be the setting's.
create function outbound.take_seq(org uuid, company uuid, amount bigint) returns bigint
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into outbound.event_counters as c (org_id, company_id, last_sequence)
  values (org, company, amount)
  on conflict (org_id, company_id) do update set last_sequence = c.last_sequence + excluded.last_sequence
  returning c.last_sequence - amount
$$;

create function outbound.close_tenant() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  org uuid := case tg_table_name when 'organizations' then new.id else nullif(to_jsonb(new) ->> 'org_id', '')::uuid end;
  company uuid := case tg_table_name when 'companies' then new.id end;
  alone boolean := ctx.org_id() is null;
begin
  if old.status = 'deleting' and new.status <> 'deleting' then
    raise exception 'it is being deleted' using errcode = '23514', constraint = 'tenant_deleting';
  end if;
  if alone then
    perform ctx.set_scope(org, null, null, 'platform');
  end if;
  if old.status = 'active' and new.status <> 'active' then
    perform outbound.pause_campaigns(org, company, null, 'suspended');
  end if;
  if new.status = 'deleting' and old.status <> 'deleting' then
    update outbound.companies as c set status = 'deleting'
    where company is null and c.org_id = org and c.status <> 'deleting' and c.deleted_at is null;
    update outbound.connections as k set closing_at = now()
    where k.org_id = org and (company is null or k.company_id = company)
      and k.closing_at is null and k.status <> 'disconnected' and k.deleted_at is null;
    perform jobs.enqueue('tenant.erase', new.id);
  end if;
  if alone then
    perform set_config('app.signature', '', true);
  end if;
  return null;
end
$$;

create trigger close_tenant after update of status on outbound.organizations
for each row when (new.status <> old.status) execute function outbound.close_tenant();
create trigger close_tenant after update of status on outbound.companies
for each row when (new.status <> old.status) execute function outbound.close_tenant();

-- A connection that begins to close holds its company's work at once; its entitlement says so.
create function outbound.close_connection() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform outbound.pause_campaigns(new.org_id, new.company_id, new.capability, 'disconnected');
  update outbound.entitlements as e set status = 'disconnected'
  where e.org_id = new.org_id and e.company_id = new.company_id and e.capability = new.capability
    and e.status = 'connected' and e.deleted_at is null;
  perform jobs.enqueue('account.work', new.account_id);
  return null;
end
$$;

create trigger close_connection after update of closing_at on outbound.connections
for each row when (old.closing_at is null and new.closing_at is not null)
execute function outbound.close_connection();

-- Where the key is lost there is nobody left to tell: closing ends at once.
create function outbound.finish_closing() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.closing_at is not null and new.status = 'error' then
    new.status := 'disconnected';
  end if;
  if new.closing_at is not null and new.status = 'disconnected' then
    new.credential := null;
    new.reason := null;
  end if;
  return new;
end
$$;

create trigger finish_closing before update of closing_at, status on outbound.connections
for each row execute function outbound.finish_closing();

-- The operator's brake: everything of the open organization, or of one of its companies, stops. Nothing starts by itself
-- afterwards.
create function ctx.stop(company uuid) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  asker record;
begin
  select s.org_id, s.tier into asker from ctx.scope() as s;
  if asker.tier is distinct from 'platform' or asker.org_id is null then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  return outbound.pause_campaigns(asker.org_id, company, null, 'operator');
end
$$;

-- The state machine of an entitlement, what it means for the campaigns, and what the company is told.
create function outbound.turn_entitlement() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  resumed uuid[];
begin
  if (old.status, new.status) not in (
    ('entitled', 'connected'), ('connected', 'disconnected'), ('disconnected', 'connected')
  ) then
    raise exception 'an entitlement cannot go from % to %', old.status, new.status
    using errcode = '23514', constraint = 'entitlements_turn';
  end if;
  insert into outbound.events (org_id, company_id, sequence, type, data, occurred_at)
  values (
    new.org_id, new.company_id, outbound.take_seq(new.org_id, new.company_id, 1) + 1, 'entitlement.' || new.status,
    jsonb_build_object('capability', new.capability), now()
  );
  if new.status = 'connected' then
    with started as (
      update outbound.campaigns as c
      set status = 'active', pause_reason = null, revision = c.revision + 1, sync_error = null
      where c.org_id = new.org_id and c.company_id = new.company_id and c.capability = new.capability
        and c.status = 'paused' and c.pause_reason = 'disconnected' and c.deleted_at is null
      returning c.id
    )
    select array_agg(s.id order by s.id) into resumed from started as s;
    insert into outbound.events (org_id, company_id, sequence, type, campaign_id, data, occurred_at)
    select new.org_id, new.company_id, taken.last + n.ordinality, 'campaign.started', n.id,
      jsonb_build_object('reason', 'reconnected'), now()
    from (
      select outbound.take_seq(new.org_id, new.company_id, cardinality(resumed)) as last where resumed is not null
    ) as taken, unnest(resumed) with ordinality as n (id, ordinality);
  end if;
  return null;
end
$$;

create trigger turn after update of status on outbound.entitlements
for each row when (new.status <> old.status) execute function outbound.turn_entitlement();

-- Nothing starts, and nobody is handed over, for a tenant that is closed. Whoever asks.
create function outbound.refuse_closed_start() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform ctx.hold_parents(new.org_id, new.company_id, null);
  if ctx.parents_closed(new.org_id, new.company_id, null) then
    raise exception 'the tenant is closed' using errcode = '23514', constraint = 'campaigns_tenant_open';
  end if;
  new.pause_reason := null;
  return new;
end
$$;

create trigger refuse_closed before update of status on outbound.campaigns
for each row when (new.status = 'active' and old.status <> 'active') execute function outbound.refuse_closed_start();

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

-- Takes away what is left of a company or an organization that is being deleted, some thousand rows at a time. Returns
-- how many rows it took; 0 when it is done, null when a provider must be told something first.
create function outbound.erase_tenant(subject uuid, batch integer) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  org uuid := ctx.org_id();
  whole boolean := subject = org;
  table_name text;
  touched bigint;
  total bigint := 0;
begin
  if (select s.tier from ctx.scope() as s) is distinct from 'worker' then
    raise exception 'no context' using errcode = '42501';
  end if;
  if not exists (
    select from outbound.organizations as o where whole and o.id = org and o.status = 'deleting'
    union all
    select from outbound.companies as c where c.org_id = org and c.id = subject and c.status = 'deleting'
  ) then
    return 0;
  end if;
  if exists (
    select from outbound.connections as k
    where k.org_id = org and (whole or k.company_id = subject) and k.deleted_at is null and k.status <> 'disconnected'
  ) or (whole and exists (select from outbound.companies as c where c.org_id = org and c.deleted_at is null)) then
    return null;
  end if;
  foreach table_name in array array[
    'campaign_leads', 'leads', 'sequence_steps', 'campaigns', 'senders', 'suppressions', 'entitlements',
    'connections', 'api_tokens', 'users', 'provider_accounts'
  ] loop
    continue when table_name = 'provider_accounts' and not whole;
    execute format(
      'update outbound.%1$I as t set deleted_at = now() where t.org_id = $1 and t.deleted_at is null and %2$s '
      'and t.id in (select u.id from outbound.%1$I as u where u.org_id = $1 and u.deleted_at is null and %3$s limit $3)',
      table_name,
      case when whole then 'true' else 't.company_id = $2' end,
      case when whole then 'true' else 'u.company_id = $2' end
    ) using org, subject, batch;
    get diagnostics touched = row_count;
    total := total + touched;
    exit when total >= batch;
  end loop;
  if total = 0 then
    if whole then
      update outbound.organizations as o set deleted_at = now() where o.id = org and o.deleted_at is null;
    else
      update outbound.companies as c set deleted_at = now()
      where c.org_id = org and c.id = subject and c.deleted_at is null;
      if exists (select from outbound.organizations as o where o.id = org and o.status = 'deleting') then
        perform jobs.enqueue('tenant.erase', org);
      end if;
    end if;
  end if;
  return total;
end
$$;

create or replace function ctx.open_job(ticket text) returns uuid
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  subject text := ctx.ticket_subject(ticket, 'job');
begin
  perform ctx.refuse_second_context();
  if subject is null or ctx.role_tier() is distinct from 'worker' or not exists (
    select from ctx.tenants as t where t.org_id = subject::uuid and t.deleted_at is null
  ) then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  perform ctx.set_scope(subject::uuid, null, null, 'worker');
  return subject::uuid;
end
$$;

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

create or replace function jobs.enqueue(task text, subject uuid, run_at timestamptz default null) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, jobs, pg_temp -- the queue's own triggers name its tables without a schema
as $$
declare
  org uuid := ctx.org_id();
  lane text := concat_ws(':', task, org, subject);
  waiting record;
begin
  if org is null then
    raise exception 'no context' using errcode = '42501';
  end if;
  if task not in ('account.work', 'webhook.project', 'tenant.erase') then
    raise exception 'task % is not listed', task using errcode = '22023';
  end if;
  loop
    -- Before the share lock: two callers that each held one and then both updated would wait for each other.
    update jobs.procrastinate_jobs as j set scheduled_at = run_at
    where j.queueing_lock = lane and j.status = 'todo' and j.scheduled_at > coalesce(run_at, now());
    select j.id into waiting
    from jobs.procrastinate_jobs as j
    where j.queueing_lock = lane and j.status = 'todo'
    for share;
    if found then
      perform pg_notify(
        'procrastinate_any_queue_v1', json_build_object('type', 'job_inserted', 'job_id', waiting.id)::text
      );
      return;
    end if;
    insert into jobs.procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, scheduled_at)
    values (
      split_part(task, '.', 1), task, lane, lane, jsonb_build_object('org_id', org, 'subject', subject), run_at
    )
    on conflict (queueing_lock) where status = 'todo' do nothing;
    if found then
      return;
    end if;
  end loop;
end
$$;


create or replace function ctx.due_work() returns table (org_id uuid, task text, subject uuid)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  tenant uuid;
begin
  if ctx.role_tier() is distinct from 'worker' then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  perform ctx.refuse_second_context();
  for tenant in select t.org_id from ctx.tenants as t where t.deleted_at is null loop
    perform ctx.set_scope(tenant, null, null, 'worker');
    return query
    select due.org_id, due.task, due.subject
    from (
      select k.org_id, 'account.work' as task, k.account_id as subject
      from outbound.connections as k
      where k.status = 'connected' and k.deleted_at is null and (
        k.senders_synced_at is null
        or k.closing_at is not null
        or exists (
          select from outbound.campaigns as c
          where c.org_id = k.org_id and c.company_id = k.company_id and c.capability = k.capability
            and c.deleted_at is null and (
              (c.status in ('active', 'paused') and c.sync_error is null and c.revision <> c.synced_revision)
              or exists (
                select from outbound.campaign_bindings as b
                where b.org_id = c.org_id and b.company_id = c.company_id and b.campaign_id = c.id
                  and b.external_id is not null and c.sync_error is null
                  and (c.status = 'active') <> (b.remote_status = 'active')
              )
              or exists (
                select from outbound.campaign_leads as e
                where e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
                  and e.deleted_at is null and (
                    (e.push_state = 'pending' and e.status = 'queued' and c.status = 'active' and c.sync_error is null)
                    or e.push_state in ('sending', 'uncertain')
                    or (e.stop_state = 'due' and e.push_state = 'pushed')
                  )
              )
            )
        )
      )
      union
      select w.org_id, 'webhook.project', w.connection_id
      from outbound.inbound_webhooks as w
      where w.state = 'received'
      union
      select c.org_id, 'tenant.erase', c.id
      from outbound.companies as c
      where c.status = 'deleting' and c.deleted_at is null
      union
      select o.id, 'tenant.erase', o.id
      from outbound.organizations as o
      where o.status = 'deleting' and o.deleted_at is null
    ) as due
    where not exists (
      select from jobs.procrastinate_jobs as j
      where j.queueing_lock = concat_ws(':', due.task, due.org_id, due.subject) and j.status in ('todo', 'doing')
    );
  end loop;
  perform set_config('app.signature', '', true);
end
$$;


reset role;
