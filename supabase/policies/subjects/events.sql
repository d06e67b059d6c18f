-- Events: the facts in our own words, numbered per company.

-- Takes `amount` numbers for a company and returns the last before them. Call it as late as possible: it locks.
create or replace function outbound.take_seq(company uuid, amount bigint) returns bigint
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into outbound.event_counters as c (company_id, last_sequence)
  values (company, amount)
  on conflict (org_id, company_id) do update set last_sequence = c.last_sequence + excluded.last_sequence
  returning c.last_sequence - amount
$$;

-- The same for functions of the owner, whose organization need not be the setting's.
create or replace function outbound.take_seq(org uuid, company uuid, amount bigint) returns bigint
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into outbound.event_counters as c (org_id, company_id, last_sequence)
  values (org, company, amount)
  on conflict (org_id, company_id) do update set last_sequence = c.last_sequence + excluded.last_sequence
  returning c.last_sequence - amount
$$;

-- Takes columns rather than the row: a company may not read every column of this table.
create or replace function outbound.event_document(
  id uuid, company_id uuid, sequence bigint, type text, campaign_id uuid, lead_id uuid, data jsonb,
  occurred_at timestamptz, created_at timestamptz
) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', id, 'type', type, 'sequence', sequence, 'occurred_at', occurred_at, 'created_at', created_at,
    'company_id', company_id, 'campaign_id', campaign_id, 'lead_id', lead_id, 'data', data
  )
$$;

-- When there is work: webhooks wait to be read.
create or replace view jobs.due_events with (security_invoker = true) as
select
  w.org_id,
  w.connection_id as subject,
  null::text as step,
  w.received_at as due_at
from outbound.inbound_webhooks as w
where w.state = 'received';
comment on view jobs.due_events is 'webhook.project';

grant execute on function outbound.take_seq(uuid, bigint) to outbound_org, outbound_company, outbound_worker;
grant execute on function
outbound.event_document(uuid, uuid, bigint, text, uuid, uuid, jsonb, timestamptz, timestamptz)
to outbound_org, outbound_company;
grant select on outbound.events to outbound_org, outbound_worker;
grant select (
  org_id, company_id, id, sequence, type, campaign_id, lead_id, data, occurred_at, created_at, updated_at
) on outbound.events to outbound_company;
grant insert (company_id, sequence, type, campaign_id, lead_id, data, occurred_at) on outbound.events
to outbound_org, outbound_company;
grant insert (
  company_id, sequence, type, connection_id, event_key, campaign_id, lead_id, sender_id, data, occurred_at
)
on outbound.events to outbound_worker;
grant select, insert (company_id, last_sequence), update (last_sequence) on outbound.event_counters
to outbound_org, outbound_company, outbound_worker;
