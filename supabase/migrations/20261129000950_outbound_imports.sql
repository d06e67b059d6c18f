-- Lists that are too long for a request: what was sent, how far it has been read, and what became of each row.

set role outbound_owner;

-- Why: one list. It is `receiving` until its last byte is there, or `abandoned`; nobody sees it before. `place` and what has been counted
-- are written with the rows themselves, so that nobody is added twice.
create table outbound.imports (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  kind text not null check (kind in ('leads', 'suppressions')),
  campaign_id uuid, -- that people are added to
  name text not null check (length(name) between 1 and 200),
  source text not null check (length(source) between 1 and 200), -- of people, where a row does not say
  media_type text not null check (length(media_type) between 1 and 100),
  charset text check (length(charset) between 1 and 40), -- as given
  column_map text check (length(column_map) <= 20000), -- as given
  state text not null default 'receiving' check (
    state in ('receiving', 'abandoned', 'queued', 'running', 'completed', 'failed', 'canceled')
  ),
  reason text, -- why it failed, a code
  detail text, -- the same in words
  size bigint not null default 0, -- bytes
  chunks integer not null default 0, -- of what was sent, as long as they are kept
  layout jsonb, -- how the list was understood
  read_size bigint, -- bytes of what is read: what was sent, or what a workbook was made into
  place jsonb,
  rows_read bigint not null default 0,
  counts jsonb not null default '{}' check (jsonb_typeof(counts) = 'object'),
  attempts integer not null default 0, -- since something was last added
  started_at timestamptz,
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  unique (org_id, company_id, id),
  constraint imports_company foreign key (org_id, company_id) references outbound.companies (org_id, id),
  constraint imports_campaign foreign key (org_id, company_id, campaign_id)
  references outbound.campaigns (org_id, company_id, id),
  constraint imports_kind check ((kind = 'leads') = (campaign_id is not null)),
  constraint imports_reason check ((state = 'failed') = (reason is not null)),
  constraint imports_finished check ((state in ('abandoned', 'completed', 'failed', 'canceled')) = (finished_at is not null)),
  constraint imports_place check (state <> 'running' or (layout is not null and place is not null))
);
create index imports_list on outbound.imports (org_id, company_id, id desc)
where deleted_at is null and state not in ('receiving', 'abandoned');
create index imports_due on outbound.imports (org_id, company_id, id)
where deleted_at is null and (state in ('queued', 'running') or (finished_at is not null and chunks > 0));
create index imports_receiving on outbound.imports (org_id, company_id) where state = 'receiving' and deleted_at is null;
create index imports_campaign on outbound.imports (org_id, company_id, campaign_id);

-- Why: what was sent, in pieces of 1 MiB, and what a workbook was made into. Removed when the import ends.
create table outbound.import_chunks (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  import_id uuid not null,
  is_unpacked boolean not null default false,
  number integer not null check (number >= 0),
  body bytea not null, -- AES-GCM, bound to org, table, column and row
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, id),
  unique (org_id, company_id, import_id, is_unpacked, number),
  constraint import_chunks_import foreign key (org_id, company_id, import_id)
  references outbound.imports (org_id, company_id, id)
);

-- Why: what became of the rows, a batch of them to a row. Kept for 30 days after the import's end.
create table outbound.import_results (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  company_id uuid not null default nullif(current_setting('app.company_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  import_id uuid not null,
  first_row bigint not null check (first_row >= 0),
  body bytea not null, -- AES-GCM, bound to org, table, column and row; JSON, deflated
  seen bytea not null default '', -- hashes of the keys that the batch brought first, 8 bytes each
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (org_id, id),
  unique (org_id, company_id, import_id, first_row),
  constraint import_results_import foreign key (org_id, company_id, import_id)
  references outbound.imports (org_id, company_id, id)
);

call outbound.guard('imports', 'import_chunks', 'import_results');

reset role;
