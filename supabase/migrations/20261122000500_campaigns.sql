-- Campaigns, their steps and senders, the people of a company and their enrolment.

set role outbound_owner;

-- Why: what should stand at the provider. `revision` counts changes; the lane makes it so and notes what it reached.
create table outbound.campaigns (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  name text not null check (length(name) between 1 and 200),
  capability text not null references outbound.capabilities (key),
  status text not null default 'draft' check (status in ('draft', 'active', 'paused', 'completed', 'archived')),
  timezone text not null default 'UTC',
  send_days smallint[] not null default '{1,2,3,4,5}' check (
    cardinality(send_days) between 1 and 7 and send_days <@ '{1,2,3,4,5,6,7}'::smallint[]
  ), -- ISO: 1 is Monday
  send_from time not null default '09:00',
  send_until time not null default '17:00',
  minutes_between_sends integer not null default 10 check (minutes_between_sends between 3 and 1440),
  max_new_leads_per_day integer not null default 100 check (max_new_leads_per_day between 1 and 10000),
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
  constraint campaigns_started check ((status = 'draft') <= (started_at is null))
);
create index campaigns_list on outbound.campaigns (org_id, company_id, id desc) where deleted_at is null;
create index campaigns_unsynced on outbound.campaigns (org_id, company_id)
where revision <> synced_revision and deleted_at is null;

-- Why: what is said, in order. A step keeps its id as long as its position lasts, and with it its figures.
create table outbound.sequence_steps (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  campaign_id uuid not null,
  position integer not null check (position between 1 and 50),
  type text not null check (type in ('email')),
  delay_days integer not null check (delay_days between 0 and 365),
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

-- Why: a person known to one company. The normalised address is what makes a person one person.
create table outbound.leads (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  email text check (length(email) between 3 and 320),
  email_normalized text generated always as (outbound.normalize_email(email)) stored,
  email_domain text generated always as (split_part(outbound.normalize_email(email), '@', -1)) stored,
  linkedin_url text check (length(linkedin_url) between 3 and 500),
  linkedin_normalized text generated always as (outbound.normalize_linkedin_url(linkedin_url)) stored,
  first_name text,
  last_name text,
  company_name text,
  custom jsonb not null default '{}' check (jsonb_typeof(custom) = 'object'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  unique (org_id, company_id, id),
  constraint leads_company foreign key (org_id, company_id) references outbound.companies (org_id, id),
  constraint leads_reachable check (
    coalesce(nullif(outbound.normalize_email(email), ''), outbound.normalize_linkedin_url(linkedin_url)) is not null
  )
);
create unique index leads_email on outbound.leads (org_id, company_id, email_normalized) where deleted_at is null;
create unique index leads_linkedin on outbound.leads (org_id, company_id, linkedin_normalized)
where deleted_at is null;
create index leads_domain on outbound.leads (org_id, company_id, email_domain, id desc) where deleted_at is null;
create index leads_list on outbound.leads (org_id, company_id, id desc) where deleted_at is null;

-- Why: one person in one campaign. `push_state` is the ledger of what a provider was told:
-- sending goes back to pending only when the provider is known to have done nothing.
create table outbound.campaign_leads (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  campaign_id uuid not null,
  lead_id uuid not null,
  status text not null default 'queued' check (
    status in ('queued', 'active', 'paused', 'replied', 'bounced', 'unsubscribed', 'completed', 'stopped')
  ),
  push_state text not null default 'pending' check (
    push_state in ('pending', 'sending', 'pushed', 'uncertain', 'failed', 'suppressed')
  ),
  push_attempt_id uuid,
  push_attempts integer not null default 0,
  push_attempted_at timestamptz,
  push_reason text, -- a neutral code
  pushed_at timestamptz,
  stop_state text check (stop_state in ('due', 'done', 'failed')), -- the person must be stopped at the provider
  stop_reason text check (stop_reason in ('suppressed', 'replied', 'unsubscribed')),
  last_event_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  unique (org_id, company_id, id),
  constraint campaign_leads_campaign foreign key (org_id, company_id, campaign_id)
  references outbound.campaigns (org_id, company_id, id),
  constraint campaign_leads_lead foreign key (org_id, company_id, lead_id)
  references outbound.leads (org_id, company_id, id),
  constraint campaign_leads_attempt check (
    (push_state in ('sending', 'uncertain')) <= (push_attempt_id is not null and push_attempted_at is not null)
  ),
  constraint campaign_leads_pushed check ((push_state = 'pushed') = (pushed_at is not null)),
  constraint campaign_leads_stop check ((stop_state is null) = (stop_reason is null))
);
create unique index campaign_leads_once on outbound.campaign_leads (org_id, company_id, campaign_id, lead_id)
where deleted_at is null;
create index campaign_leads_list on outbound.campaign_leads (org_id, company_id, campaign_id, id desc)
where deleted_at is null;
create index campaign_leads_lead on outbound.campaign_leads (org_id, company_id, lead_id) where deleted_at is null;
create index campaign_leads_due on outbound.campaign_leads (org_id, company_id, campaign_id, push_state, id)
where push_state in ('pending', 'sending', 'uncertain') and deleted_at is null;
create index campaign_leads_stop_due on outbound.campaign_leads (org_id, company_id, campaign_id)
where stop_state = 'due' and deleted_at is null;

-- Why: our campaign and the provider's. A row without an external id means: ask before creating again.
create table outbound.campaign_bindings (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  campaign_id uuid not null,
  connection_id uuid not null,
  external_id text,
  create_attempted_at timestamptz,
  remote_status text not null default 'draft' check (remote_status in ('draft', 'active', 'paused')),
  parts jsonb not null default '{}', -- part name to the hash of what stands at the provider
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, id),
  unique (org_id, company_id, campaign_id),
  foreign key (org_id, company_id, campaign_id) references outbound.campaigns (org_id, company_id, id),
  foreign key (org_id, company_id, connection_id) references outbound.connections (org_id, company_id, id)
);
create unique index campaign_bindings_external
on outbound.campaign_bindings (org_id, company_id, connection_id, external_id);

-- Why: our enrolment and the provider's id of the person, by which one person is stopped.
create table outbound.lead_bindings (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  campaign_lead_id uuid not null,
  external_id text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, id),
  unique (org_id, company_id, campaign_lead_id),
  foreign key (org_id, company_id, campaign_lead_id) references outbound.campaign_leads (org_id, company_id, id)
);

create index lead_bindings_external on outbound.lead_bindings (org_id, company_id, external_id);

call outbound.guard(
  'campaigns', 'sequence_steps', 'campaign_senders', 'leads', 'campaign_leads', 'campaign_bindings', 'lead_bindings'
);

create trigger refuse_deleted_companies after insert on outbound.campaigns referencing new table as fresh
for each statement execute function outbound.refuse_deleted_parent('companies', 'company_id', 'campaigns_company');
create trigger refuse_deleted_companies after insert on outbound.leads referencing new table as fresh
for each statement execute function outbound.refuse_deleted_parent('companies', 'company_id', 'leads_company');
create trigger refuse_deleted_campaigns after insert on outbound.sequence_steps referencing new table as fresh
for each statement execute function outbound.refuse_deleted_parent('campaigns', 'campaign_id', 'sequence_steps_campaign');
create trigger refuse_deleted_campaigns after insert on outbound.campaign_senders referencing new table as fresh
for each statement execute function outbound.refuse_deleted_parent('campaigns', 'campaign_id', 'campaign_senders_campaign');
create trigger refuse_deleted_senders after insert on outbound.campaign_senders referencing new table as fresh
for each statement execute function outbound.refuse_deleted_parent('senders', 'sender_id', 'campaign_senders_sender');
create trigger refuse_deleted_campaigns after insert on outbound.campaign_leads referencing new table as fresh
for each statement execute function outbound.refuse_deleted_parent('campaigns', 'campaign_id', 'campaign_leads_campaign');
create trigger refuse_deleted_leads after insert on outbound.campaign_leads referencing new table as fresh
for each statement execute function outbound.refuse_deleted_parent('leads', 'lead_id', 'campaign_leads_lead');

reset role;
