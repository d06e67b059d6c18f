-- What must be known before a context is open: the keys that sign it, the credentials that open it, the tenants by
-- their slugs. No request role reads any of it; the functions of `policies/10_context.sql` do.

set role outbound_owner;

-- HMAC needs no extension when the two padded keys are stored: sha256(outer || sha256(inner || message)).
create table ctx.keys (
  kind text not null check (kind in ('context', 'ticket')),
  kid text not null check (kid ~ '^[a-z0-9]{1,32}$'),
  inner_pad bytea not null check (length(inner_pad) = 64),
  outer_pad bytea not null check (length(outer_pad) = 64),
  created_at timestamptz not null default now(),
  retired_at timestamptz,
  primary key (kind, kid)
);
alter table ctx.keys enable row level security;
alter table ctx.keys force row level security;
create policy owner_only on ctx.keys to outbound_owner using (true) with check (true);

-- Every credential that can open a context, whatever its kind, by its HMAC: so that opening a context is one look-up,
-- and closing a user, a company or an organization closes all that stands below it with the next request. Doors read
-- only this table, so that the fences can bind everybody else, the owner included. Triggers keep it in step with the
-- tables that own credentials.
create table ctx.credentials (
  hmac bytea primary key check (length(hmac) = 32),
  kind text not null check (kind in ('token', 'hook', 'session', 'link', 'platform')),
  tier text not null check (tier in ('org', 'company', 'hook', 'platform', 'link')),
  org_id uuid,
  company_id uuid,
  id uuid not null,
  user_id uuid,
  role text,
  scopes text[],
  expires_at timestamptz,
  closed_at timestamptz,
  created_at timestamptz not null default now(),
  check (tier <> 'company' or company_id is not null),
  constraint credentials_org check ((org_id is null) = (kind = 'platform'))
);
create index credentials_org_id on ctx.credentials (org_id, id);
create index credentials_id on ctx.credentials (id) where kind in ('session', 'token');
alter table ctx.credentials enable row level security;
alter table ctx.credentials force row level security;
create policy owner_only on ctx.credentials to outbound_owner using (true) with check (true);

-- Why: what must be known of a tenant before a context is open: its slug at login, that it exists for the operator.
create table ctx.tenants (
  org_id uuid primary key,
  slug text not null,
  status text not null,
  platform_marked_to bigint not null default 0, -- the platform's newest do-not-contact entry whose people are marked
  deleted_at timestamptz
);
create unique index tenants_slug on ctx.tenants (slug) where deleted_at is null;
alter table ctx.tenants enable row level security;
alter table ctx.tenants force row level security;
create policy owner_only on ctx.tenants to outbound_owner using (true) with check (true);

-- Why: each refresh token is good once. The child is remembered, so that a repeated request finds the same one.
create table ctx.refresh_tokens (
  hmac bytea primary key check (length(hmac) = 32),
  org_id uuid not null,
  session_id uuid not null,
  child bytea check (length(child) = 32),
  used_at timestamptz,
  expires_at timestamptz not null,
  created_at timestamptz not null default now()
);
create index refresh_tokens_session on ctx.refresh_tokens (org_id, session_id);
alter table ctx.refresh_tokens enable row level security;
alter table ctx.refresh_tokens force row level security;
create policy owner_only on ctx.refresh_tokens to outbound_owner using (true) with check (true);

-- Why: how many passwords may still be tried, per account, device and network. In the database, so that every process
-- counts together.
create table ctx.login_buckets (
  bucket text primary key check (length(bucket) <= 200),
  tokens double precision not null,
  updated_at timestamptz not null default now()
);
alter table ctx.login_buckets enable row level security;
alter table ctx.login_buckets force row level security;
create policy owner_only on ctx.login_buckets to outbound_owner using (true) with check (true);

-- Why: how many requests each credential may still make, by the HMAC of what it shows, over all processes.
create table ctx.request_buckets (
  name text primary key check (length(name) <= 200),
  tokens double precision not null,
  updated_at timestamptz not null default now()
);
alter table ctx.request_buckets enable row level security;
alter table ctx.request_buckets force row level security;
create policy owner_only on ctx.request_buckets to outbound_owner using (true) with check (true);

-- Why: when a lane is due, for those that have no job in the queue: the sweep reads by `due_at` what is due now, and nothing
-- else, however many tenants there are. What is due at once has a job and is here too, to be looked at again if that is
-- lost. `wakes` tells a lane that ends whether somebody has set another time since it looked.
create table ctx.lanes (
  org_id uuid not null,
  task text not null,
  subject uuid not null,
  due_at timestamptz not null,
  wakes bigint not null default 0,
  primary key (org_id, task, subject)
);
create index lanes_due on ctx.lanes (due_at);
alter table ctx.lanes enable row level security;
alter table ctx.lanes force row level security;
create policy owner_only on ctx.lanes to outbound_owner using (true) with check (true);

-- Why: how far the slow comparison of lanes with what is due has come; every worker goes on from there.
create table ctx.rounds (
  name text primary key,
  last_org_id uuid,
  finished_at timestamptz
);
alter table ctx.rounds enable row level security;
alter table ctx.rounds force row level security;
create policy owner_only on ctx.rounds to outbound_owner using (true) with check (true);
insert into ctx.rounds (name) values ('lanes');

reset role;
