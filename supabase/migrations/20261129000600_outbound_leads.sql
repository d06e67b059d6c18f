-- The people of a company and their enrolment in its campaigns.

set role outbound_owner;

-- Why: a person known to one company. The keys make a person one person; the address and the profile are as given.
create table outbound.leads (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  email text check (length(email) between 3 and 320),
  email_key text collate "C",
  domain_key text collate "C",
  domain_path text collate "C" generated always as (outbound.domain_path(domain_key)) stored,
  linkedin_url text check (length(linkedin_url) between 3 and 500),
  linkedin_key text collate "C",
  first_name text,
  last_name text,
  company_name text,
  -- What a search compares, without case and accents: the name both ways round, and the company's.
  first_key text collate "C",
  last_key text collate "C",
  company_key text collate "C",
  name_key text collate "C" generated always as (coalesce(first_key || ' ', '') || coalesce(last_key, '')) stored,
  surname_key text collate "C" generated always as (coalesce(last_key || ' ', '') || coalesce(first_key, '')) stored,
  source text check (length(source) between 1 and 200), -- where the person is known from
  source_at timestamptz, -- since when, as whoever gathered it says
  custom jsonb not null default '{}' check (jsonb_typeof(custom) = 'object'),
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  unique (org_id, company_id, id),
  constraint leads_company foreign key (org_id, company_id) references outbound.companies (org_id, id),
  constraint leads_reachable check (email_key is not null or linkedin_key is not null),
  constraint leads_email_key check (
    (email is null) = (email_key is null) and (email_key is null) = (domain_key is null)
    and outbound.is_email_key(email_key) and domain_key = split_part(email_key, '@', 2)
  ),
  constraint leads_linkedin_key check (
    (linkedin_url is null) = (linkedin_key is null) and outbound.is_profile_key(linkedin_key)
  ),
  constraint leads_metadata check (outbound.metadata_fits(metadata))
);
create unique index leads_email on outbound.leads (org_id, company_id, email_key) where deleted_at is null;
create unique index leads_linkedin on outbound.leads (org_id, company_id, linkedin_key)
where deleted_at is null;
create index leads_domain on outbound.leads (org_id, company_id, domain_path, id desc) where deleted_at is null;
create index leads_name on outbound.leads (org_id, company_id, name_key) where deleted_at is null;
create index leads_surname on outbound.leads (org_id, company_id, surname_key) where deleted_at is null;
create index leads_company on outbound.leads (org_id, company_id, company_key) where deleted_at is null;
create index leads_source on outbound.leads (org_id, company_id, source, id desc)
where source is not null and deleted_at is null;
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
  push_reason text, -- a neutral code
  push_attempt_id uuid,
  push_attempts integer not null default 0,
  push_attempted_at timestamptz,
  push_ask_after timestamptz, -- asked, a provider that lists people late showed nothing: when to ask again
  pushed_at timestamptz,
  stop_state text check (stop_state in ('due', 'done', 'failed')), -- the person must be stopped at the provider
  stop_reason text check (stop_reason in ('suppressed', 'bounced', 'replied', 'unsubscribed', 'removed')),
  -- A person of a campaign who rests: `pause` and `resume` are still to be told to the provider.
  pause_state text check (pause_state in ('pause', 'paused', 'resume')),
  rests_until date, -- paused because of an absence, and until when (UTC)
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
    push_state not in ('sending', 'uncertain') or (push_attempt_id is not null and push_attempted_at is not null)
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
create index campaign_leads_in_doubt on outbound.campaign_leads (org_id, company_id, push_state)
where push_state in ('sending', 'uncertain') and deleted_at is null;
create index campaign_leads_failed on outbound.campaign_leads (org_id, company_id, campaign_id)
where push_state = 'failed' and deleted_at is null;
create index campaign_leads_states on outbound.campaign_leads (
  org_id, company_id, campaign_id, status, push_state, id desc
) where deleted_at is null;
create index campaign_leads_stop_due on outbound.campaign_leads (org_id, company_id, campaign_id)
where stop_state = 'due' and deleted_at is null;
create index campaign_leads_pause_due on outbound.campaign_leads (org_id, company_id, campaign_id)
where pause_state in ('pause', 'resume') and deleted_at is null;
create index campaign_leads_resting on outbound.campaign_leads (org_id, company_id, rests_until)
where rests_until is not null and status = 'paused' and deleted_at is null;

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

call outbound.guard('leads', 'campaign_leads', 'lead_bindings');

reset role;
