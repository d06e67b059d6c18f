-- Campaigns: their steps and senders, what starts and pauses them, and who may touch what stands at a provider.

-- Nothing starts, and no lead is handed over, for a tenant that is closed, whichever caller writes it.
create or replace function outbound.refuse_closed_start() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform ctx.lock_parents(new.org_id, new.company_id, null);
  if ctx.parents_closed(new.org_id, new.company_id, null) then
    raise exception 'the tenant is closed' using errcode = '23514', constraint = 'campaigns_tenant_open';
  end if;
  new.pause_reason := null;
  return new;
end
$$;

-- Pauses what runs, says so in the company's events, and wakes the lanes that tell the providers. For triggers only: it
-- trusts what it is given. `cap` null means every capability.
create or replace function outbound.pause_campaigns(org uuid, company uuid, cap text, reason text) returns bigint
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
    perform jobs.wake(paused.company_id, true);
    total := total + cardinality(paused.ids);
  end loop;
  return total;
end
$$;

-- `synced` is derived, never stored: everything we want stands there, and no lead is waiting to be handed over; `partial`
-- where some could not be. `waiting` and `failed` come from the query: a subquery in here would keep Postgres from inlining the function, and every row
-- would verify the context anew.
create or replace function outbound.sync_document(c outbound.campaigns, waiting boolean, failed boolean) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'state', case
      when c.status = 'archived' and c.sync_error is distinct from 'pause_refused' then 'synced'
      when c.sync_error is not null then 'failed'
      when c.status = 'draft' or c.revision <> c.synced_revision or waiting then 'pending'
      when failed then 'partial'
      else 'synced'
    end,
    'reason', coalesce(
      case when c.status <> 'archived' or c.sync_error = 'pause_refused' then c.sync_error end,
      case
        when failed and not waiting and c.status not in ('draft', 'archived') and c.revision = c.synced_revision
          then 'leads_failed'
      end
    )
  )
$$;

create or replace function outbound.campaign_document(c outbound.campaigns, waiting boolean, failed boolean) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', c.id, 'company_id', c.company_id, 'name', c.name, 'capability', c.capability, 'status', c.status,
    'schedule', json_build_object(
      'timezone', c.timezone, 'days', c.send_days,
      'start', to_char(c.send_from, 'HH24:MI'), 'end', to_char(c.send_until, 'HH24:MI'),
      'minutes_between_sends', c.minutes_between_sends, 'max_new_leads_per_day', c.max_new_leads_per_day
    ),
    'settings', json_build_object(
      'track_opens', c.track_opens, 'track_clicks', c.track_clicks, 'plain_text', c.plain_text,
      'unsubscribe', c.unsubscribe, 'rest_days', c.rest_days,
      'skip_if_in_other_campaign', c.skip_if_in_other_campaign, 'stop_domain_on_reply', c.stop_domain_on_reply
    ),
    'sync', outbound.sync_document(c, waiting, failed), 'pause_reason', c.pause_reason, 'managed', c.managed,
    'metadata', c.metadata, 'started_at', c.started_at, 'created_at', c.created_at, 'updated_at', c.updated_at
  )
$$;

create or replace function outbound.step_document(s outbound.sequence_steps) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', s.id, 'position', s.position, 'type', s.type, 'delay_days', s.delay_days,
    'format', s.format, 'subject', s.subject, 'body', s.body
  )
$$;

-- What the organization says of mails without a postal address: `refuse` to start, or `warn`. Definer: no company may read
-- it.
create or replace function outbound.without_postal_address() returns text
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select case when o.require_postal_address then 'refuse' else 'warn' end
  from ctx.scope() as s
  inner join outbound.organizations as o on s.org_id = o.id
$$;

create or replace trigger refuse_deleted_companies after insert on outbound.campaigns referencing new table as fresh
for each statement execute function outbound.refuse_deleted_parent('companies', 'company_id', 'campaigns_company');
create or replace trigger refuse_closed before update of status on outbound.campaigns
for each row when (new.status = 'active' and old.status <> 'active') execute function outbound.refuse_closed_start();
create or replace trigger refuse_deleted_campaigns after insert on outbound.sequence_steps
referencing new table as fresh for each statement
execute function outbound.refuse_deleted_parent('campaigns', 'campaign_id', 'sequence_steps_campaign');
create or replace trigger refuse_deleted_campaigns after insert on outbound.campaign_senders
referencing new table as fresh for each statement
execute function outbound.refuse_deleted_parent('campaigns', 'campaign_id', 'campaign_senders_campaign');
create or replace trigger refuse_deleted_senders after insert on outbound.campaign_senders
referencing new table as fresh for each statement
execute function outbound.refuse_deleted_parent('senders', 'sender_id', 'campaign_senders_sender');

-- Whether all people of a campaign who wait have been handed over, and at least one has been. By the index of states, each of
-- which is looked up: `offset 0` keeps Postgres from joining instead, an order from going through the whole table, where it
-- takes the first match to be near.
create or replace function outbound.is_handed_over(org uuid, company uuid, campaign uuid) returns boolean
language sql stable
as $$
  select exists (
    select
    from unnest(
      array['active', 'replied', 'bounced', 'unsubscribed', 'completed', 'stopped', 'paused', 'queued']
    ) as s (status)
    cross join lateral (
      select e.id
      from outbound.campaign_leads as e
      where e.org_id = org and e.company_id = company and e.campaign_id = campaign and e.deleted_at is null
        and e.status = s.status and e.push_state = 'pushed'
      order by e.id desc limit 1
    ) as found
    offset 0
  ) and not exists (
    select from outbound.campaign_leads as e
    where e.org_id = org and e.company_id = company and e.campaign_id = campaign and e.deleted_at is null
      and e.status = 'queued' and e.push_state in ('pending', 'sending')
    order by e.id desc
    offset 0
  )
$$;

-- When there is work for a lane: a campaign is to be put in place, started, paused or polled.
create or replace view jobs.due_campaigns with (security_invoker = true) as
select
  k.org_id,
  k.account_id as subject,
  w.step,
  w.due_at
from outbound.connections as k
inner join outbound.providers as p on k.provider = p.key
cross join lateral (
  select
    'sync_campaigns' as step,
    now() as due_at
  where k.closing_at is null and exists (
    select from outbound.campaigns as c
    where
      c.org_id = k.org_id and c.company_id = k.company_id and c.capability = k.capability
      and c.status in ('active', 'paused') and c.revision <> c.synced_revision
      and c.sync_error is null and c.deleted_at is null
  )
  union all
  select
    'pause_campaigns',
    now()
  where exists (
    select from outbound.campaigns as c
    inner join outbound.campaign_bindings as b
      on c.org_id = b.org_id and c.company_id = b.company_id and c.id = b.campaign_id
    where
      b.org_id = k.org_id and b.company_id = k.company_id and b.connection_id = k.id
      and b.external_id is not null and b.remote_status = 'active'
      and c.status <> 'active' and c.deleted_at is null
      and (c.sync_error is null or (c.status = 'archived' and c.sync_error <> 'pause_refused'))
  )
  union all
  select
    'start_campaigns',
    now()
  where exists (
    select from outbound.campaigns as c
    inner join outbound.campaign_bindings as b
      on c.org_id = b.org_id and c.company_id = b.company_id and c.id = b.campaign_id
    where
      c.org_id = k.org_id and c.company_id = k.company_id and c.status = 'active' and c.deleted_at is null
      and c.revision = c.synced_revision and c.sync_error is null
      and b.connection_id = k.id and b.external_id is not null and b.remote_status <> 'active'
      and (p.starts_before_leads or outbound.is_handed_over(c.org_id, c.company_id, c.id))
  )
  union all
  select
    'poll_campaigns',
    min(b.poll_at)
  from outbound.campaign_bindings as b
  where
    b.org_id = k.org_id and b.company_id = k.company_id and b.connection_id = k.id
    and b.poll_at is not null and k.closing_at is null
  having min(b.poll_at) is not null
) as w
where k.status = 'connected' and k.deleted_at is null;
comment on view jobs.due_campaigns is 'account.work';

grant execute on function
outbound.sync_document(outbound.campaigns, boolean, boolean),
outbound.campaign_document(outbound.campaigns, boolean, boolean)
to outbound_org, outbound_company;
grant execute on function outbound.is_handed_over(uuid, uuid, uuid) to outbound_worker;
grant execute on function outbound.step_document(outbound.sequence_steps)
to outbound_org, outbound_company, outbound_worker;
grant select on outbound.campaigns to outbound_org, outbound_company, outbound_worker;
grant insert (
  company_id, name, capability, timezone, send_days, send_from, send_until, minutes_between_sends,
  max_new_leads_per_day, track_opens, track_clicks, plain_text, unsubscribe, rest_days, skip_if_in_other_campaign,
  stop_domain_on_reply, metadata
), update (
  name, status, pause_reason, metadata, timezone, send_days, send_from, send_until, minutes_between_sends,
  max_new_leads_per_day, track_opens, track_clicks, plain_text, unsubscribe, rest_days, skip_if_in_other_campaign,
  stop_domain_on_reply, revision, sync_error, started_at, deleted_at
) on outbound.campaigns to outbound_org, outbound_company;
grant update (managed) on outbound.campaigns to outbound_org;
grant update (status, synced_revision, sync_error) on outbound.campaigns to outbound_worker;
grant select on outbound.sequence_steps to outbound_org, outbound_company, outbound_worker;
grant insert (company_id, campaign_id, position, type, delay_days, format, subject, body),
update (type, delay_days, format, subject, body, deleted_at)
on outbound.sequence_steps to outbound_org, outbound_company;
grant select on outbound.campaign_senders to outbound_org, outbound_company, outbound_worker;
grant insert (company_id, campaign_id, sender_id), delete on outbound.campaign_senders
to outbound_org, outbound_company;
grant select on outbound.campaign_bindings to outbound_org, outbound_worker;
grant insert (company_id, campaign_id, connection_id, external_id), update (external_id) on outbound.campaign_bindings
to outbound_org;
grant insert (company_id, campaign_id, connection_id, create_attempted_at),
update (
  external_id, create_attempted_at, remote_status, parts, poll_at, polled_at, moved_at, read_at, figures, hook_state,
  hook_checked_at
) on outbound.campaign_bindings to outbound_worker;
