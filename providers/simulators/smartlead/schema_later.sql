-- What came after the first version. Made at every start where it is missing.

create table if not exists tags (
    id integer primary key autoincrement,
    account_id integer not null,
    name text not null,
    color text not null,
    unique (account_id, name)
);

create table if not exists clients (
    id integer primary key autoincrement,
    account_id integer not null,
    email text not null,
    fields text not null,
    created_at text not null,
    unique (account_id, email)
);

create table if not exists client_keys (
    id integer primary key autoincrement,
    account_id integer not null,
    client_id integer not null,
    key_name text not null,
    api_key text not null,
    created_at text not null,
    updated_at text not null
);

create table if not exists lead_lists (
    id integer primary key autoincrement,
    account_id integer not null,
    list_name text not null,
    created_at text not null,
    updated_at text not null
);

create table if not exists lead_list_leads (
    list_id integer not null,
    lead_id integer not null,
    primary key (list_id, lead_id)
) without rowid;

-- What was set on a conversation by hand: read or not, its worth, a reminder, notes and tasks.
create table if not exists inbox_marks (
    map_id integer primary key,
    is_read integer not null default 0,
    revenue real not null default 0,
    team_member_id integer,
    reminder text,
    notes text not null default '[]',
    tasks text not null default '[]'
);
