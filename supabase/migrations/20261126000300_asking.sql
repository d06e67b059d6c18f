-- What is asked of providers besides what they tell: events that nobody told, whether webhooks still come, what people
-- wrote. And what people can be told by hand: answers, a pause for one person, a campaign that was made at the provider.

set role outbound_owner;

-- When the campaign's figures are to be asked for again, and what they were: when they move, something has happened.
alter table outbound.campaign_bindings add column poll_at timestamptz;
alter table outbound.campaign_bindings add column polled_at timestamptz;
alter table outbound.campaign_bindings add column figures jsonb;
alter table outbound.campaign_bindings add column read_at timestamptz; -- when its facts were last asked for
alter table outbound.campaign_bindings add column hook_state text
check (hook_state in ('working', 'missing', 'disabled'));
alter table outbound.campaign_bindings add column hook_checked_at timestamptz;
-- Made at the provider by hand and bound to ours by the partner: its content is what stands there, and people flow in.
alter table outbound.campaigns add column managed boolean not null default false;
create index campaign_bindings_poll on outbound.campaign_bindings (org_id, company_id, poll_at);

-- Whether what providers tell still arrives. `silent`: it is registered, and asking showed what it had not told.
alter table outbound.connections add column hook_state text not null default 'unknown'
check (hook_state in ('unknown', 'working', 'missing', 'disabled', 'silent'));
alter table outbound.connections add column hook_checked_at timestamptz;
alter table outbound.connections add column missed_at timestamptz;

-- A person of a campaign who rests: `pause` and `resume` are still to be told to the provider.
alter table outbound.campaign_leads add column hold_state text check (hold_state in ('pause', 'held', 'resume'));
create index campaign_leads_hold_due on outbound.campaign_leads (org_id, company_id, campaign_id)
where hold_state in ('pause', 'resume') and deleted_at is null;

-- Why: what one person and a campaign's senders write to each other. Begins with the person's first reply.
create table outbound.conversations (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  connection_id uuid not null,
  campaign_id uuid not null,
  lead_id uuid not null,
  last_message_at timestamptz not null,
  read boolean not null default false, -- by somebody of the company
  read_at_provider timestamptz, -- when the thread is to be read there; null is not before something happens
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  unique (org_id, company_id, id),
  constraint conversations_campaign foreign key (org_id, company_id, campaign_id)
  references outbound.campaigns (org_id, company_id, id),
  constraint conversations_lead foreign key (org_id, company_id, lead_id)
  references outbound.leads (org_id, company_id, id),
  foreign key (org_id, company_id, connection_id) references outbound.connections (org_id, company_id, id)
);
create unique index conversations_once on outbound.conversations (org_id, company_id, campaign_id, lead_id)
where deleted_at is null;
create index conversations_list on outbound.conversations (org_id, company_id, id desc) where deleted_at is null;
create index conversations_due on outbound.conversations (org_id, company_id, connection_id, read_at_provider)
where read_at_provider is not null and deleted_at is null;

-- Why: one message of a conversation. `state` is the ledger of what a provider was told of an answer, as `push_state`
-- is of people: queued, sending, then sent, failed or uncertain, and an uncertain one is never sent again.
create table outbound.messages (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  conversation_id uuid not null,
  direction text not null check (direction in ('incoming', 'outgoing')),
  state text not null check (state in ('received', 'queued', 'sending', 'sent', 'uncertain', 'failed')),
  reason text, -- a neutral code, where it failed
  subject text,
  body text not null,
  external_id text,
  attempt_id uuid,
  attempted_at timestamptz,
  ask_at timestamptz, -- in doubt: when the provider is to be asked; queued: not before
  sent_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  unique (org_id, company_id, id),
  constraint messages_conversation foreign key (org_id, company_id, conversation_id)
  references outbound.conversations (org_id, company_id, id),
  constraint messages_direction check ((direction = 'incoming') = (state = 'received')),
  constraint messages_attempt check ((state in ('sending', 'uncertain')) <= (attempt_id is not null)),
  constraint messages_reason check ((state = 'failed') = (reason is not null))
);
create unique index messages_once on outbound.messages (org_id, company_id, conversation_id, external_id)
where external_id is not null and deleted_at is null;
create index messages_list on outbound.messages (org_id, company_id, conversation_id, id desc) where deleted_at is null;
create index messages_due on outbound.messages (org_id, company_id, state)
where state in ('queued', 'sending', 'uncertain') and deleted_at is null;

call outbound.guard('conversations', 'messages');

create trigger refuse_deleted_conversations after insert on outbound.messages referencing new table as fresh
for each statement execute function outbound.refuse_deleted_parent(
  'conversations', 'conversation_id', 'messages_conversation'
);

-- The arrows of an answer: nothing leads back to `sending`, and an uncertain one is settled, never repeated.
create function outbound.refuse_wrong_message_turn() returns trigger
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if (old.state, new.state) not in (
    ('queued', 'sending'), ('queued', 'failed'), ('sending', 'queued'), ('sending', 'sent'), ('sending', 'uncertain'),
    ('sending', 'failed'), ('uncertain', 'sent'), ('uncertain', 'failed')
  ) then
    raise exception 'a message cannot go from % to %', old.state, new.state
    using errcode = '23514', constraint = 'messages_turn';
  end if;
  return new;
end
$$;
create trigger turns before update of state on outbound.messages
for each row when (new.state <> old.state) execute function outbound.refuse_wrong_message_turn();

-- Do not contact, as for people who are handed over: an answer to somebody on a list fails as it is about to be sent.
create function outbound.refuse_suppressed_message() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (
    select
    from outbound.conversations as v
    inner join outbound.leads as l on l.org_id = v.org_id and l.company_id = v.company_id and l.id = v.lead_id
    where v.org_id = new.org_id and v.company_id = new.company_id and v.id = new.conversation_id
      and outbound.is_suppressed(
        new.org_id, new.company_id, l.email_normalized, l.email_domain, l.linkedin_normalized
      )
  ) then
    new.state := 'failed';
    new.reason := 'suppressed';
  end if;
  return new;
end
$$;
create trigger a_refuse_suppressed before update of state on outbound.messages
for each row when (new.state = 'sending' and old.state = 'queued') execute function outbound.refuse_suppressed_message();

-- As before, and the account's senders: with the organization they go, with a company they are nobody's again.
create or replace function outbound.erase_tenant(subject uuid, batch integer) returns bigint
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
    'messages', 'conversations', 'campaign_leads', 'leads', 'sequence_steps', 'campaigns', 'senders', 'suppressions',
    'entitlements', 'connections', 'api_tokens', 'users', 'account_senders', 'provider_accounts'
  ] loop
    continue when table_name in ('account_senders', 'provider_accounts') and not whole;
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
      update outbound.account_senders as s set assigned_to = null, decided_at = null
      where s.org_id = org and s.assigned_to = subject;
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
          select from outbound.conversations as v
          where v.org_id = k.org_id and v.company_id = k.company_id and v.connection_id = k.id
            and v.read_at_provider <= now() and v.deleted_at is null
        )
        or exists (
          select from outbound.messages as m
          inner join outbound.conversations as v
            on m.org_id = v.org_id and m.company_id = v.company_id and m.conversation_id = v.id
          where m.org_id = k.org_id and m.company_id = k.company_id and v.connection_id = k.id
            and (m.state = 'sending' or (m.state in ('queued', 'uncertain') and coalesce(m.ask_at, now()) <= now()))
            and m.deleted_at is null
        )
        or exists (
          select from outbound.campaigns as c
          where c.org_id = k.org_id and c.company_id = k.company_id and c.capability = k.capability
            and c.deleted_at is null and (
              (c.status in ('active', 'paused') and c.sync_error is null and c.revision <> c.synced_revision)
              or exists (
                select from outbound.campaign_bindings as b
                where b.org_id = c.org_id and b.company_id = c.company_id and b.campaign_id = c.id
                  and b.external_id is not null and c.sync_error is null
                  and ((c.status = 'active') <> (b.remote_status = 'active') or b.poll_at <= now())
              )
              or exists (
                select from outbound.campaign_leads as e
                where e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
                  and e.deleted_at is null and (
                    (e.push_state = 'pending' and e.status = 'queued' and c.status = 'active' and c.sync_error is null)
                    or e.push_state in ('sending', 'uncertain')
                    or (e.stop_state = 'due' and e.push_state = 'pushed')
                    or (e.hold_state in ('pause', 'resume') and e.push_state = 'pushed' and e.stop_state is null)
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

-- As the migrator, like the rows themselves: what can be done through whom, in words that name nobody.
update outbound.providers as p
set features = p.features || jsonb_build_object(
  'lead_pause', p.key = 'smartlead',
  'variants', false,
  'inmail', p.capability = 'linkedin_outreach',
  'reply', true,
  'unsubscribe', true,
  'warmup', p.capability = 'email_outreach'
);
