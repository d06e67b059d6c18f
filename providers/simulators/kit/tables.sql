-- The tables every simulator has. `campaign` and `webhook_id` have no type: some providers number, some do not.

create table if not exists outbox (
    id integer primary key autoincrement,
    webhook_id not null,
    level text not null default '',
    url text not null,
    event_type text not null,
    email text,
    body text not null,
    state text not null default 'waiting',
    attempt integer not null default 0,
    due_at real not null
);
create index if not exists outbox_by_due on outbox (state, due_at);

create table if not exists deliveries (
    id integer primary key autoincrement,
    at text not null,
    webhook_id not null,
    event_type text not null,
    email text,
    status integer,
    error text,
    attempt integer not null
);

create table if not exists ledger (
    id integer primary key autoincrement,
    at text not null,
    campaign not null,
    email text not null,
    effect text not null,
    answered integer not null
);
create index if not exists ledger_of_campaign on ledger (campaign, id);
create index if not exists ledger_by_time on ledger (at);

create table if not exists faults (
    name text primary key,
    setting text not null,
    asked integer not null default 0,
    hits integer not null default 0
);

create table if not exists settings (name text primary key, value text not null);
