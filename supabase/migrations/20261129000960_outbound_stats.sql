-- Figures: sums of events and of enrolments, written with what they count, so that reading them costs the same however
-- much there is.

set role outbound_owner;

-- Why: how often what happened, by campaign, hour, step and sender.
create table outbound.stats_hourly (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  campaign_id uuid not null,
  hour timestamptz not null check (hour = date_trunc('hour', hour, 'UTC')), -- of `occurred_at`
  type text not null, -- of the events
  step integer, -- null where it is not known
  sender_id uuid, -- null where it is not known
  amount bigint not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, id),
  constraint stats_hourly_once unique nulls not distinct (
    org_id, company_id, campaign_id, hour, type, step, sender_id
  ),
  foreign key (org_id, company_id, campaign_id) references outbound.campaigns (org_id, company_id, id),
  foreign key (org_id, company_id, sender_id) references outbound.senders (org_id, company_id, id)
);
create index stats_hourly_company on outbound.stats_hourly (org_id, company_id, hour);

-- Why: the same over all hours and senders: what a list of campaigns and their steps show.
create table outbound.stats_totals (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  campaign_id uuid not null,
  type text not null,
  step integer, -- null where it is not known
  amount bigint not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, id),
  constraint stats_totals_once unique nulls not distinct (org_id, company_id, campaign_id, type, step),
  foreign key (org_id, company_id, campaign_id) references outbound.campaigns (org_id, company_id, id)
);

-- Why: how many people of a campaign stand where. Changes are added as rows of their own, so that no two transactions
-- wait for each other; the rows of one key add up, and now and then they are made one.
create table outbound.campaign_lead_counts (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  campaign_id uuid not null,
  status text not null check (
    status in ('queued', 'active', 'paused', 'replied', 'bounced', 'unsubscribed', 'completed', 'stopped')
  ),
  push_state text not null check (
    push_state in ('pending', 'sending', 'pushed', 'uncertain', 'failed', 'suppressed')
  ),
  push_reason text, -- of those that failed
  amount bigint not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, id),
  foreign key (org_id, company_id, campaign_id) references outbound.campaigns (org_id, company_id, id)
);
create index campaign_lead_counts_campaign on outbound.campaign_lead_counts (org_id, company_id, campaign_id);

-- Why: how many people of a campaign were handed over in which hour: what a partner is paid for. Rows of one key add up,
-- likewise.
create table outbound.handover_counts (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  campaign_id uuid not null,
  hour timestamptz not null check (hour = date_trunc('hour', hour, 'UTC')), -- of `pushed_at`
  amount bigint not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, id),
  foreign key (org_id, company_id, campaign_id) references outbound.campaigns (org_id, company_id, id)
);
create index handover_counts_campaign on outbound.handover_counts (org_id, company_id, campaign_id);
create index handover_counts_hour on outbound.handover_counts (org_id, company_id, hour);

call outbound.guard('stats_hourly', 'stats_totals', 'campaign_lead_counts', 'handover_counts');

reset role;
