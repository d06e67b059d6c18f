-- What came after the first version. Made at every start where it is missing.

create table if not exists audit_log (
    id text primary key,
    workspace text not null,
    at text not null,
    activity_type integer not null,
    fields text not null
) without rowid;
create index if not exists audit_log_of_workspace on audit_log (workspace, id);
