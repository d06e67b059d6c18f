-- What people and a campaign's senders write to each other.

set role outbound_owner;

-- Why: what one person and a campaign's senders write to each other. Begins with the person's first reply.
create table outbound.conversations (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  connection_id uuid not null,
  campaign_id uuid not null,
  lead_id uuid not null,
  read boolean not null default false, -- by somebody of the company
  read_at_provider timestamptz, -- when the thread is to be read there; null is not before something happens
  last_message_at timestamptz not null,
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
  external_id text,
  direction text not null check (direction in ('incoming', 'outgoing')),
  subject text,
  text text not null, -- what its author wrote, without what it quotes
  html text, -- the same, cleaned; null where it was plain text
  quoted text, -- what it quotes, for partners only: it shows how the mail was sent
  state text not null check (state in ('received', 'queued', 'sending', 'sent', 'uncertain', 'failed')),
  reason text, -- a neutral code, where it failed
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
  constraint messages_attempt check (state not in ('sending', 'uncertain') or attempt_id is not null),
  constraint messages_reason check ((state = 'failed') = (reason is not null))
);
create unique index messages_once on outbound.messages (org_id, company_id, conversation_id, external_id)
where external_id is not null and deleted_at is null;
create index messages_list on outbound.messages (org_id, company_id, conversation_id, id desc) where deleted_at is null;
create index messages_feed on outbound.messages (org_id, company_id, sent_at desc)
where direction = 'incoming' and deleted_at is null;
create index messages_due on outbound.messages (org_id, company_id, state)
where state in ('queued', 'sending', 'uncertain') and deleted_at is null;

call outbound.guard('conversations', 'messages');

reset role;
