-- Roles, schemas and the small functions that every table definition stands on.
-- Passwords and keys are never written here: `outbound migrate` sets them.

do $$
declare
  role_name text;
begin
  foreach role_name in array array['outbound_owner', 'dashboard_org', 'dashboard_company'] loop
    if not exists (select from pg_catalog.pg_roles where rolname = role_name) then
      execute format('create role %I nologin', role_name);
    end if;
  end loop;
  foreach role_name in array array[
    'outbound_platform', 'outbound_org', 'outbound_company', 'outbound_worker', 'outbound_public'
  ] loop
    if not exists (select from pg_catalog.pg_roles where rolname = role_name) then
      execute format('create role %I login', role_name);
    end if;
  end loop;
  -- What PostgREST logs in as: no right is its own, and for each request it becomes one of the two dashboard roles.
  if not exists (select from pg_catalog.pg_roles where rolname = 'outbound_postgrest') then
    create role outbound_postgrest login noinherit;
  end if;
end
$$;

grant dashboard_org to outbound_postgrest;
grant dashboard_company to outbound_postgrest;

grant outbound_owner to current_user;

create schema outbound authorization outbound_owner;
create schema ctx authorization outbound_owner;
create schema dashboard authorization outbound_owner;
create schema jobs authorization outbound_owner;

comment on schema outbound is 'Tenant tables. Every table is fenced by row level security.';
comment on schema ctx is 'Who is asking: keys, credentials and the functions that open and read a signed context.';
comment on schema dashboard is 'Read-only views for dashboards.';
comment on schema jobs is 'The job queue (procrastinate) and the functions that put work into it.';

set role outbound_owner;

-- Functions are for nobody until a policy file grants them; the form with "in schema" would do nothing.
alter default privileges for role outbound_owner revoke execute on functions from public;

-- Time-ordered ids: native from Postgres 18 on, below it the same layout with microseconds in the 12 spare bits.
do $$
begin
  if current_setting('server_version_num')::int >= 180000 then
    execute $f$
      create function outbound.uuid_v7() returns uuid
      language sql volatile parallel safe
      as 'select pg_catalog.uuidv7()'
    $f$;
  else
    execute $f$
      create function outbound.uuid_v7() returns uuid
      language plpgsql volatile parallel safe
      as $b$
      declare
        micros bigint := (extract(epoch from pg_catalog.clock_timestamp()) * 1000000)::bigint;
        bytes bytea := pg_catalog.uuid_send(pg_catalog.gen_random_uuid());
      begin
        bytes := pg_catalog.overlay(bytes, pg_catalog.substr(pg_catalog.int8send(micros / 1000), 3, 6), 1, 6);
        bytes := pg_catalog.overlay(
          bytes,
          pg_catalog.substr(pg_catalog.int4send((28672 + (micros % 1000) * 4096 / 1000)::int), 3, 2),
          7, 2
        );
        return pg_catalog.encode(bytes, 'hex')::uuid;
      end
      $b$
    $f$;
  end if;
end
$$;

create function outbound.normalize_email(value text) returns text
language sql immutable parallel safe strict
as $$ select pg_catalog.lower(pg_catalog.normalize(pg_catalog.btrim(value, E' \t\r\n'), 'NFC')) $$;

comment on function outbound.normalize_email is 'The one spelling under which a user logs in.';

-- People are compared by keys that `providers/identity.py` folds: addresses and domains in ASCII, profiles by their name.
-- Postgres refuses what is not folded, whoever writes it, and folds nothing. What is escaped is UTF-8 and must be.
create function outbound.is_domain_key(key text) returns boolean
language sql immutable parallel safe strict
as $$
  select pg_catalog.length(key) <= 253
    and key ~ '^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)+$'
    and key !~ '^www\.[^.]+\.' and key !~ '\.[0-9]+$' and key !~ '[^.]{64}'
$$;

create function outbound.is_email_key(key text) returns boolean
language sql immutable parallel safe strict
as $$
  select pg_catalog.length(key) <= 1024
    and key ~ '^(?![{}''`])([a-z0-9!#$&''+/=?^_`{|}~.-]|:25'
      '|:(c[2-9a-f]|d[0-9a-f]|e0:[ab][0-9a-f]|e[1-9a-cef]:[89ab][0-9a-f]|ed:[89][0-9a-f]'
      '|(f0:[9ab]|f[1-3]:[89ab]|f4:8)[0-9a-f]:[89ab][0-9a-f]):[89ab][0-9a-f])+@[^@]+$'
    and outbound.is_domain_key(pg_catalog.split_part(key, '@', 2))
$$;

-- A profile's name is in lower case; the ids by which the site itself calls members keep theirs.
create function outbound.is_profile_key(key text) returns boolean
language sql immutable parallel safe strict
as $$
  select pg_catalog.length(key) <= 1300 and key ~ '/.*/.*[a-z0-9]' and key !~ '(\.|:2[15a])$'
    and key ~ '^linkedin\.com/in/([a-z0-9._~-]|:(21|24|25|2[ab]|3d|40)'
      '|:(c[2-9a-f]|d[0-9a-f]|e0:[ab][0-9a-f]|e[1-9a-cef]:[89ab][0-9a-f]|ed:[89][0-9a-f]'
      '|(f0:[9ab]|f[1-3]:[89ab]|f4:8)[0-9a-f]:[89ab][0-9a-f]):[89ab][0-9a-f])+$'
    or key ~ '^linkedin\.com/in/A[CE][A-Za-z0-9]AA[A-Za-z0-9_-]{3,95}$'
$$;

-- A domain's labels from the last to the first: all its subdomains are one range of an index.
create function outbound.domain_path(domain text) returns text
language sql immutable parallel safe strict
as $$
  select pg_catalog.string_agg(l.label, '.' order by l.place desc)
  from pg_catalog.unnest(pg_catalog.string_to_array(domain, '.')) with ordinality as l (label, place)
$$;

-- The domains that cover a domain: itself and all above it, but for the last label alone.
create function outbound.domains_above(domain text) returns text[]
language sql immutable parallel safe strict
as $$
  select pg_catalog.array_agg(pg_catalog.array_to_string(p.labels[n:], '.'))
  from (select pg_catalog.string_to_array(domain, '.') as labels) as p,
    pg_catalog.generate_series(1, pg_catalog.cardinality(p.labels) - 1) as n
$$;

-- An address without its tag: of `jo+news@…`, `jo@…`.
create function outbound.untagged(email text) returns text
language sql immutable parallel safe strict
as $$ select pg_catalog.regexp_replace(email, '^([^+@]+)\+[^@]*@', '\1@') $$;

-- The caller's own keys: a flat object of at most 50 of them, and not too large to carry along.
create function outbound.metadata_fits(metadata jsonb) returns boolean
language sql immutable parallel safe
as $$
  select case pg_catalog.jsonb_typeof(metadata)
    when 'object' then pg_catalog.octet_length(metadata::text) <= 16384
      and (select pg_catalog.count(*) from pg_catalog.jsonb_object_keys(metadata)) <= 50
    else false
  end
$$;

create function outbound.touch() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  new.updated_at := pg_catalog.transaction_timestamp();
  return new;
end
$$;

comment on function outbound.touch is 'Keeps updated_at true, whoever writes.';

-- How every table begins: row level security on and forced, so that nothing is seen before a policy says so, and
-- `updated_at` kept true. Called in the migration that makes the table.
create procedure outbound.guard(variadic table_names text[])
language plpgsql
as $$
declare
  table_name text;
begin
  foreach table_name in array table_names loop
    execute format('alter table outbound.%I enable row level security', table_name);
    execute format('alter table outbound.%I force row level security', table_name);
    execute format(
      'create trigger touch before update on outbound.%I for each row execute function outbound.touch()', table_name
    );
  end loop;
end
$$;

-- Why: which of the job queue's own files `outbound migrate` has applied, and what providers declared when it last wrote
-- their rows: a second run waits for no table.
create table ctx.applied_files (
  name text primary key,
  sha256 text not null,
  applied_at timestamptz not null default now()
);
alter table ctx.applied_files enable row level security;
alter table ctx.applied_files force row level security;
create policy owner_only on ctx.applied_files to outbound_owner using (true) with check (true);

-- Why: what `outbound migrate` has made of the pages in `supabase/policies`, so that only what differs is made again:
-- the hash of an object's text, and of what the catalog said of it after that.
create table ctx.applied_objects (
  kind text not null check (kind in ('function', 'view', 'trigger', 'policy', 'rights')),
  name text not null,
  source_sha256 text not null,
  catalog_sha256 text not null,
  applied_at timestamptz not null default now(),
  primary key (kind, name)
);
alter table ctx.applied_objects enable row level security;
alter table ctx.applied_objects force row level security;
create policy owner_only on ctx.applied_objects to outbound_owner using (true) with check (true);

reset role;
