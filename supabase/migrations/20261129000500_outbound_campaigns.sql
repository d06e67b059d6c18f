-- Campaigns, their steps and senders, and what stands of them at a provider.

set role outbound_owner;

-- Why: what should stand at the provider. `revision` counts changes; the lane makes it so and notes what it reached.
create table outbound.campaigns (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  name text not null check (length(name) between 1 and 200),
  capability text not null references outbound.capabilities (key),
  -- Made at the provider by hand and bound to ours by the partner: its content stands there, and people flow in.
  managed boolean not null default false,
  timezone text not null default 'UTC',
  send_days smallint[] not null default '{1,2,3,4,5}' check (
    cardinality(send_days) between 1 and 7 and send_days <@ '{1,2,3,4,5,6,7}'::smallint[]
  ), -- ISO: 1 is Monday
  send_from time not null default '09:00',
  send_until time not null default '17:00',
  minutes_between_sends integer not null default 10 check (minutes_between_sends between 3 and 1440),
  max_new_leads_per_day integer not null default 100 check (max_new_leads_per_day between 1 and 10000),
  track_opens boolean not null default false,
  track_clicks boolean not null default false,
  plain_text boolean not null default false, -- mails go out without HTML
  unsubscribe text not null default 'both' check (unsubscribe in ('header', 'link', 'both', 'none')),
  -- Of adding people: who was written to in the last so many days, or is in another campaign, is left out.
  rest_days integer not null default 0 check (rest_days between 0 and 365),
  skip_if_in_other_campaign boolean not null default false,
  stop_domain_on_reply boolean not null default false, -- a reply stops all people of its domain in the campaign
  metadata jsonb not null default '{}',
  status text not null default 'draft' check (status in ('draft', 'active', 'paused', 'completed', 'archived')),
  pause_reason text check (pause_reason in ('suspended', 'disconnected', 'operator')),
  revision bigint not null default 1,
  synced_revision bigint not null default 0,
  sync_error text, -- a neutral code; cleared by the next change
  started_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  unique (org_id, company_id, id),
  constraint campaigns_company foreign key (org_id, company_id) references outbound.companies (org_id, id),
  constraint campaigns_window check (send_from < send_until),
  constraint campaigns_started check (status <> 'draft' or started_at is null),
  constraint campaigns_pause_reason check ((pause_reason is null) or status = 'paused'),
  constraint campaigns_metadata check (outbound.metadata_fits(metadata))
);
create index campaigns_list on outbound.campaigns (org_id, company_id, id desc) where deleted_at is null;
create index campaigns_unsynced on outbound.campaigns (org_id, company_id)
where revision <> synced_revision and status in ('active', 'paused') and deleted_at is null;
create index campaigns_active on outbound.campaigns (org_id, company_id) where status = 'active' and deleted_at is null;

-- Why: what is said, in order. A step keeps its id as long as its position lasts, and with it its figures.
create table outbound.sequence_steps (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  campaign_id uuid not null,
  position integer not null check (position between 1 and 50),
  type text not null check (
    type in ('email', 'connection_request', 'message', 'inmail', 'profile_view', 'follow')
  ),
  delay_days integer not null check (delay_days between 0 and 365),
  -- Of an email's body: HTML, or text whose paragraphs are wrapped when it is sent. All else is text.
  format text not null default 'text' check (format in ('text', 'html')),
  subject text not null default '',
  body text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  constraint sequence_steps_campaign foreign key (org_id, company_id, campaign_id)
  references outbound.campaigns (org_id, company_id, id)
);
create unique index sequence_steps_position on outbound.sequence_steps (org_id, company_id, campaign_id, position)
where deleted_at is null;

-- Why: who a campaign is sent from. A plain link: taking a sender out deletes the row.
create table outbound.campaign_senders (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  campaign_id uuid not null,
  sender_id uuid not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, id),
  unique (org_id, company_id, campaign_id, sender_id),
  constraint campaign_senders_campaign foreign key (org_id, company_id, campaign_id)
  references outbound.campaigns (org_id, company_id, id),
  constraint campaign_senders_sender foreign key (org_id, company_id, sender_id)
  references outbound.senders (org_id, company_id, id)
);

-- Why: our campaign and the provider's. A row without an external id means: ask before creating again.
create table outbound.campaign_bindings (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  campaign_id uuid not null,
  connection_id uuid not null,
  external_id text,
  parts jsonb not null default '{}', -- part name to the hash of what stands at the provider
  remote_status text not null default 'draft' check (remote_status in ('draft', 'active', 'paused')),
  hook_state text check (hook_state in ('working', 'missing', 'disabled')),
  hook_checked_at timestamptz,
  create_attempted_at timestamptz,
  -- When the campaign's figures are to be asked for again, and what they were: when they move, something has happened.
  poll_at timestamptz,
  polled_at timestamptz,
  figures jsonb,
  moved_at timestamptz, -- when the figures were last found to have moved
  read_at timestamptz, -- when its facts were last asked for
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, id),
  unique (org_id, company_id, campaign_id),
  foreign key (org_id, company_id, campaign_id) references outbound.campaigns (org_id, company_id, id),
  foreign key (org_id, company_id, connection_id) references outbound.connections (org_id, company_id, id)
);
create unique index campaign_bindings_external
on outbound.campaign_bindings (org_id, company_id, connection_id, external_id);
create index campaign_bindings_poll on outbound.campaign_bindings (org_id, company_id, connection_id, poll_at)
where poll_at is not null;
create index campaign_bindings_active on outbound.campaign_bindings (org_id, company_id, connection_id)
where remote_status = 'active';

call outbound.guard('campaigns', 'sequence_steps', 'campaign_senders', 'campaign_bindings');

reset role;
