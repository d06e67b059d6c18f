-- What providers told us, raw, and what it means, in our own words.

set role outbound_owner;

-- Why: an answered webhook is never lost. The body is stored before anything reads it.
create table outbound.inbound_webhooks (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  connection_id uuid not null,
  body bytea not null, -- AES-GCM, bound to org, table, column and row
  body_sha256 bytea not null check (length(body_sha256) = 32),
  state text not null default 'received' check (state in ('received', 'projected', 'quarantined')),
  reason text,
  projector_version integer,
  received_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, id),
  constraint inbound_webhooks_quarantine check ((state = 'quarantined') = (reason is not null)),
  foreign key (org_id, company_id, connection_id) references outbound.connections (org_id, company_id, id)
);
create unique index inbound_webhooks_once
on outbound.inbound_webhooks (org_id, company_id, connection_id, body_sha256);
create index inbound_webhooks_waiting on outbound.inbound_webhooks (org_id, company_id, connection_id, id)
where state = 'received';

-- Why: the facts, each once: `event_key` names the fact, not the delivery. `sequence` is gapless per company.
create table outbound.events (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  sequence bigint not null,
  connection_id uuid,
  event_key text,
  campaign_id uuid,
  lead_id uuid,
  sender_id uuid, -- of the campaign's senders, as far as anybody said
  type text not null check (type ~ '^[a-z_]+\.[a-z_]+$'),
  data jsonb not null default '{}' check (jsonb_typeof(data) = 'object'),
  occurred_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, id),
  constraint events_campaign foreign key (org_id, company_id, campaign_id)
  references outbound.campaigns (org_id, company_id, id),
  constraint events_lead foreign key (org_id, company_id, lead_id)
  references outbound.leads (org_id, company_id, id),
  constraint events_sender foreign key (org_id, company_id, sender_id)
  references outbound.senders (org_id, company_id, id),
  foreign key (org_id, company_id, connection_id) references outbound.connections (org_id, company_id, id),
  check ((connection_id is null) = (event_key is null))
);
create unique index events_once on outbound.events (org_id, company_id, connection_id, event_key);
create unique index events_sequence on outbound.events (org_id, company_id, sequence);
create index events_lead on outbound.events (org_id, company_id, lead_id, sequence);
create index events_campaign_type on outbound.events (org_id, company_id, campaign_id, type);

-- Why: the last number given out per company. A row, not a sequence: a rolled-back number comes back.
create table outbound.event_counters (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  last_sequence bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, company_id),
  foreign key (org_id, company_id) references outbound.companies (org_id, id)
);

call outbound.guard('inbound_webhooks', 'events', 'event_counters');

reset role;
