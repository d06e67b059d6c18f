-- Everything the simulator knows. Ids are handed out per table, never twice, so no two accounts share one.

create table if not exists accounts (
    id integer primary key autoincrement,
    api_key text not null unique,
    secret_key text not null,
    name text not null,
    email text not null,
    created_at text not null
);

create table if not exists email_accounts (
    id integer primary key autoincrement,
    account_id integer not null,
    from_email text not null,
    fields text not null,
    created_at text not null,
    updated_at text not null,
    unique (account_id, from_email)
);

create table if not exists campaigns (
    id integer primary key autoincrement,
    account_id integer not null,
    name text not null,
    status text not null default 'DRAFTED',
    client_id integer,
    fields text not null,
    extras text not null default '{}',
    created_at text not null,
    updated_at text not null,
    deleted_at text
);
create index if not exists campaigns_of_account on campaigns (account_id, id);
create index if not exists campaigns_in_play on campaigns (id) where status = 'ACTIVE' and deleted_at is null;

create table if not exists campaign_email_accounts (
    id integer primary key autoincrement,
    campaign_id integer not null,
    email_account_id integer not null,
    unique (campaign_id, email_account_id)
);
create index if not exists campaigns_of_email_account on campaign_email_accounts (email_account_id);

create table if not exists sequences (
    id integer primary key autoincrement,
    campaign_id integer not null,
    seq_number integer not null,
    delay_in_days integer not null,
    subject text not null,
    email_body text not null,
    extras text not null,
    created_at text not null,
    updated_at text not null
);
create index if not exists sequences_of_campaign on sequences (campaign_id, seq_number);

create table if not exists variants (
    id integer primary key autoincrement,
    sequence_id integer not null,
    variant_label text,
    subject text not null,
    email_body text not null,
    share real,
    created_at text not null,
    updated_at text not null
);
create index if not exists variants_of_sequence on variants (sequence_id, id);

create table if not exists leads (
    id integer primary key autoincrement,
    account_id integer not null,
    email text not null,
    first_name text,
    last_name text,
    phone_number text,
    company_name text,
    website text,
    location text,
    linkedin_profile text,
    company_url text,
    custom_fields text not null default '{}',
    is_unsubscribed integer not null default 0,
    created_at text not null,
    unique (account_id, email)
);
create index if not exists leads_by_age on leads (account_id, created_at);
create index if not exists leads_of_account on leads (account_id, id);

create table if not exists campaign_leads (
    id integer primary key autoincrement,
    account_id integer not null,
    campaign_id integer not null,
    lead_id integer not null,
    email_account_id integer,
    status text not null default 'STARTED',
    category_id integer,
    last_seq integer not null default 0,
    is_opened integer not null default 0,
    is_clicked integer not null default 0,
    is_replied integer not null default 0,
    is_bounced integer not null default 0,
    is_unsubscribed integer not null default 0,
    created_at text not null,
    last_sent_at text,
    last_reply_at text,
    last_activity_at text,
    unique (campaign_id, lead_id)
);
create index if not exists campaign_leads_page on campaign_leads (campaign_id, id);
create index if not exists campaign_leads_by_status on campaign_leads (campaign_id, status, id);
create index if not exists campaign_leads_by_age on campaign_leads (campaign_id, created_at);
create index if not exists campaign_leads_by_activity on campaign_leads (campaign_id, last_activity_at);
create index if not exists campaigns_of_lead on campaign_leads (lead_id);
create index if not exists campaign_leads_unsent on campaign_leads (campaign_id, id)
    where status = 'STARTED' and last_seq = 0;
create index if not exists inbox_by_reply on campaign_leads (account_id, last_reply_at) where last_reply_at is not null;
create index if not exists inbox_by_sent on campaign_leads (account_id, last_sent_at) where last_sent_at is not null;

-- Kept by triggers, so that the size of a campaign never has to be counted.
create table if not exists lead_counts (
    campaign_id integer not null,
    status text not null,
    n integer not null,
    primary key (campaign_id, status)
) without rowid;

create trigger if not exists count_added after insert on campaign_leads begin
    insert into lead_counts values (new.campaign_id, new.status, 1)
    on conflict do update set n = n + 1;
end;
create trigger if not exists count_removed after delete on campaign_leads begin
    update lead_counts set n = n - 1 where campaign_id = old.campaign_id and status = old.status;
end;
create trigger if not exists count_moved after update of status on campaign_leads when old.status <> new.status begin
    update lead_counts set n = n - 1 where campaign_id = old.campaign_id and status = old.status;
    insert into lead_counts values (new.campaign_id, new.status, 1)
    on conflict do update set n = n + 1;
end;

create table if not exists counters (
    campaign_id integer not null,
    name text not null,
    n integer not null,
    primary key (campaign_id, name)
) without rowid;

-- kind: SENT by a step of the sequence, MANUAL by hand in the thread, REPLY from the lead.
create table if not exists messages (
    id integer primary key autoincrement,
    account_id integer not null,
    campaign_id integer not null,
    map_id integer not null,
    kind text not null,
    stats_id text not null,
    sequence_id integer,
    variant_id integer,
    seq_number integer,
    message_id text not null,
    sender text not null,
    recipient text not null,
    subject text,
    body text not null,
    cc text not null default '[]',
    time text not null,
    open_time text,
    click_time text,
    reply_time text,
    open_count integer not null default 0,
    click_count integer not null default 0,
    is_unsubscribed integer not null default 0,
    is_bounced integer not null default 0
);
create index if not exists messages_of_lead on messages (map_id, id);
create index if not exists messages_of_campaign on messages (campaign_id, kind, id);
create index if not exists messages_by_time on messages (campaign_id, kind, time);
create index if not exists messages_of_step on messages (sequence_id);
create index if not exists messages_by_stats_id on messages (stats_id);

create table if not exists block_list (
    id integer primary key autoincrement,
    account_id integer not null,
    email_or_domain text not null,
    source text not null default 'manual',
    client_id integer,
    created_at text not null,
    unique (account_id, email_or_domain)
);

create table if not exists webhooks (
    id integer primary key autoincrement,
    account_id integer not null,
    level text not null,
    campaign_id integer,
    client_id integer,
    name text not null,
    webhook_url text not null,
    event_types text not null,
    categories text not null,
    created_at text not null,
    updated_at text not null
);
create index if not exists webhooks_of_account on webhooks (account_id, level, campaign_id);

create table if not exists script (
    id integer primary key autoincrement,
    due_at real not null,
    campaign_id integer not null,
    map_id integer not null,
    event text not null
);
create index if not exists script_by_due on script (due_at);
