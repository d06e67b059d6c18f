-- What the provider knows. Ids are handed out per table, never twice, so no two workspaces share one.

create table workspaces (
    id integer primary key autoincrement,
    api_key text not null unique,
    name text not null,
    created_at text not null
);

create table li_accounts (
    id integer primary key autoincrement,
    workspace_id integer not null,
    first_name text,
    last_name text,
    email text not null,
    profile_url text not null,
    is_active integer not null default 1,
    auth_is_valid integer not null default 1,
    limits text not null,
    unique (workspace_id, profile_url)
);

create table lists (
    id integer primary key autoincrement,
    workspace_id integer not null,
    name text not null,
    list_type text not null,
    created_at text not null
);
create index lists_of_workspace on lists (workspace_id, id);

create table profiles (
    id integer primary key autoincrement,
    workspace_id integer not null,
    url text not null,
    linkedin_id text not null,
    first_name text,
    last_name text,
    location text,
    summary text,
    company_name text,
    position text,
    about text,
    email text,
    created_at text not null,
    unique (workspace_id, url)
);
create index profiles_by_member on profiles (workspace_id, linkedin_id);
create index profiles_by_email on profiles (workspace_id, email) where email is not null;

create table profile_tags (
    profile_id integer not null,
    tag text not null,
    primary key (profile_id, tag)
) without rowid;

create table tags (
    workspace_id integer not null,
    name text not null,
    color text not null,
    primary key (workspace_id, name)
) without rowid;

create table list_leads (
    id integer primary key autoincrement,
    list_id integer not null,
    profile_id integer not null,
    custom_fields text not null default '[]',
    created_at text not null,
    unique (list_id, profile_id)
);
create index lists_of_profile on list_leads (profile_id);

create table campaigns (
    id integer primary key autoincrement,
    workspace_id integer not null,
    name text not null,
    status text not null default 'DRAFT',
    list_id integer not null,
    exclusions text not null,
    schedule text not null,
    sequence text,
    created_at text not null,
    started_at text,
    settles_at text
);
create index campaigns_of_workspace on campaigns (workspace_id, id);
create index campaigns_by_status on campaigns (status, id);
create index campaigns_settling on campaigns (settles_at) where settles_at is not null;

create table campaign_accounts (
    campaign_id integer not null,
    account_id integer not null,
    primary key (campaign_id, account_id)
) without rowid;
create index campaigns_of_account on campaign_accounts (account_id);

-- The lead's place in the tree is a path of letters from the root: u for the next node, c for the branch taken
-- when something came true. Nothing more happens to it when due_at is null.
create table campaign_leads (
    id integer primary key autoincrement,
    campaign_id integer not null,
    profile_id integer not null,
    account_id integer not null,
    status text not null default 'Pending',
    connection text not null default 'None',
    message text not null default 'None',
    stopped integer not null default 0,
    error_code text,
    status_message text,
    place text not null default '',
    due_at text,
    created_at text not null,
    last_action_at text,
    failed_at text,
    unique (campaign_id, profile_id)
);
create index campaign_leads_due on campaign_leads (campaign_id, due_at) where due_at is not null;
create index campaign_leads_by_status on campaign_leads (campaign_id, status, created_at);
create index campaigns_of_profile on campaign_leads (profile_id);

-- What people are about to do by themselves.
create table acts (
    id integer primary key autoincrement,
    due_at text not null,
    link_id integer not null,
    act text not null,
    detail text
);
create index acts_by_due on acts (due_at);

create table connections (
    account_id integer not null,
    profile_id integer not null,
    primary key (account_id, profile_id)
) without rowid;

create table conversations (
    id integer primary key autoincrement,
    workspace_id integer not null,
    account_id integer not null,
    profile_id integer not null,
    public_id text not null,
    read integer not null default 1,
    unique (account_id, profile_id)
);
create index conversations_of_workspace on conversations (workspace_id);

-- visible_at: the provider reads LinkedIn late, and dates what it finds back.
create table messages (
    id integer primary key autoincrement,
    conversation_id integer not null,
    campaign_id integer,
    sender text not null,
    kind text not null default 'TEXT',
    body text not null,
    subject text,
    is_inmail integer not null default 0,
    created_at text not null,
    visible_at text not null
);
create index messages_of_conversation on messages (conversation_id, created_at);

create table actions (
    id integer primary key autoincrement,
    workspace_id integer not null,
    account_id integer not null,
    campaign_id integer,
    profile_id integer not null,
    kind text not null,
    at text not null
);
create index actions_by_time on actions (workspace_id, at);
create index actions_of_account on actions (account_id, kind, at);

create table webhooks (
    id integer primary key autoincrement,
    workspace_id integer not null,
    name text not null,
    url text not null,
    event_type text not null,
    campaign_ids text not null,
    is_active integer not null default 1
);
create index webhooks_by_event on webhooks (workspace_id, event_type);
