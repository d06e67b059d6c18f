-- Everything this simulator knows. `entities` holds whatever is small: campaigns, lists, tags, webhooks, jobs.

create table if not exists entities (
    seq integer primary key autoincrement,
    id text not null,
    workspace text not null,
    kind text not null,
    name text not null,
    parent text not null,
    fields text not null,
    unique (workspace, kind, id)
);
create index if not exists entities_of_kind on entities (kind, workspace, seq);
create index if not exists entities_by_name on entities (workspace, kind, name);
create index if not exists entities_by_parent on entities (parent, kind);

-- `due_at` is when the next step goes out (0 for the first), and null once nothing more will be sent.
create table if not exists leads (
    id text primary key,
    workspace text not null,
    campaign text,
    list_id text,
    subsequence_id text,
    email text,
    first_name text,
    last_name text,
    status integer not null default 1,
    interest integer,
    opens integer not null default 0,
    replies integer not null default 0,
    clicks integer not null default 0,
    contacted_at text,
    created_at text not null,
    updated_at text not null,
    step integer not null default -1,
    due_at real,
    eaccount text,
    thread_id text,
    fields text not null
) without rowid;
create index if not exists leads_of_campaign on leads (campaign, email);
create index if not exists leads_of_list on leads (list_id, email);
create index if not exists leads_of_address on leads (workspace, email);
create index if not exists leads_of_workspace on leads (workspace, id);
create index if not exists leads_page on leads (campaign, id);
create index if not exists leads_due on leads (campaign, due_at) where due_at is not null;

create table if not exists emails (
    id text primary key,
    workspace text not null,
    campaign text,
    subsequence_id text,
    list_id text,
    lead_id text,
    lead text,
    eaccount text not null,
    ue_type integer not null,
    step integer,
    variant integer,
    thread_id text not null,
    is_unread integer not null,
    is_auto_reply integer not null default 0,
    i_status integer,
    created_at text not null,
    fields text not null
) without rowid;
create index if not exists emails_of_workspace on emails (workspace, id);
create index if not exists emails_of_campaign on emails (campaign, id);
create index if not exists emails_of_lead on emails (lead_id, id);
create index if not exists emails_of_thread on emails (thread_id, id);
create index if not exists emails_to on emails (workspace, lead);
create index if not exists emails_unread on emails (workspace) where ue_type = 2 and is_unread = 1;

-- One row for each thing that happened; `first` is 1 when it was the first of its kind for the lead, `first_of_step`
-- when it was the first for this step.
create table if not exists happenings (
    id integer primary key autoincrement,
    workspace text not null,
    campaign text not null,
    subsequence_id text,
    lead_id text not null,
    eaccount text,
    kind text not null,
    step integer,
    variant integer,
    day text not null,
    at text not null,
    first integer not null,
    first_of_step integer not null
);
create index if not exists happenings_of_campaign on happenings (campaign, kind, day);
create index if not exists happenings_of_lead on happenings (lead_id, kind);
create index if not exists happenings_of_workspace on happenings (workspace, day);

create table if not exists webhook_events (
    id text primary key,
    workspace text not null,
    created_at text not null,
    success integer not null,
    url text not null,
    email text,
    letter integer not null,
    fields text not null
) without rowid;
create index if not exists webhook_events_of_workspace on webhook_events (workspace, id);
create index if not exists webhook_events_of_letter on webhook_events (letter);

-- What will happen by itself: a lead's response, or the end of a background job.
create table if not exists script (
    id integer primary key autoincrement,
    due_at real not null,
    subject text not null,
    event text not null,
    step integer not null default 0
);
create index if not exists script_by_due on script (due_at);
