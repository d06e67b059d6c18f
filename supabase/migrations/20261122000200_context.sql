-- The signed context: who a transaction acts for, in settings that only these functions can make valid.
-- A setting alone proves nothing, since any session may set it; the signature covers the values, the backend and the
-- start of the transaction, with a key that no request role can read.

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

-- Every credential that can open a context, by its HMAC. Doors read only this table, so that the fences can bind
-- everybody else, the owner included. Triggers keep it in step with api_tokens and connections.
create table ctx.credentials (
  hmac bytea primary key check (length(hmac) = 32),
  kind text not null check (kind in ('token', 'hook')),
  org_id uuid not null,
  id uuid not null,
  company_id uuid,
  user_id uuid,
  tier text not null check (tier in ('org', 'company', 'hook')),
  expires_at timestamptz,
  closed_at timestamptz,
  created_at timestamptz not null default now(),
  check ((tier = 'company') <= (company_id is not null))
);
create index credentials_org_id on ctx.credentials (org_id, id);
alter table ctx.credentials enable row level security;
alter table ctx.credentials force row level security;
create policy owner_only on ctx.credentials to outbound_owner using (true) with check (true);

create function ctx.mac(key_kind text, key_id text, message text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select encode(sha256(k.outer_pad || sha256(k.inner_pad || convert_to(message, 'UTF8'))), 'hex')
  from ctx.keys as k
  where k.kind = key_kind and k.kid = key_id and k.retired_at is null
$$;

create function ctx.message(org text, company text, actor text, tier text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select concat_ws(
    '|', coalesce(org, ''), coalesce(company, ''), coalesce(actor, ''), coalesce(tier, ''),
    pg_backend_pid()::text, (extract(epoch from transaction_timestamp()) * 1000000)::bigint::text
  )
$$;

-- The one reader: NULLs unless the signature over the five values holds for this backend and this transaction.
create function ctx.scope(out org_id uuid, out company_id uuid, out user_id uuid, out tier text)
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  signature text := nullif(current_setting('app.signature', true), '');
  expected text;
begin
  if signature is null then
    return;
  end if;
  expected := ctx.mac('context', split_part(signature, ':', 1), ctx.message(
    current_setting('app.org_id', true), current_setting('app.company_id', true),
    current_setting('app.user_id', true), current_setting('app.tier', true)
  ));
  if expected is null or sha256(convert_to(expected, 'UTF8'))
    <> sha256(convert_to(split_part(signature, ':', 2), 'UTF8')) then
    return;
  end if;
  org_id := nullif(current_setting('app.org_id', true), '')::uuid;
  company_id := nullif(current_setting('app.company_id', true), '')::uuid;
  user_id := nullif(current_setting('app.user_id', true), '')::uuid;
  tier := nullif(current_setting('app.tier', true), '');
end
$$;

create function ctx.org_id() returns uuid
language sql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$ select s.org_id from ctx.scope() as s $$;

create function ctx.company_id() returns uuid
language sql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$ select s.company_id from ctx.scope() as s $$;

-- Signs and sets a context for the rest of this transaction. For the doors below only.
create function ctx.set_scope(org uuid, company uuid, actor uuid, tier text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  key_id text;
begin
  select k.kid into key_id
  from ctx.keys as k
  where k.kind = 'context' and k.retired_at is null
  order by k.created_at desc limit 1;
  if key_id is null then
    raise exception 'no context key: run outbound migrate' using errcode = '55000';
  end if;
  perform set_config('app.org_id', coalesce(org::text, ''), true);
  perform set_config('app.company_id', coalesce(company::text, ''), true);
  perform set_config('app.user_id', coalesce(actor::text, ''), true);
  perform set_config('app.tier', coalesce(tier, ''), true);
  perform set_config('app.signature', key_id || ':' || ctx.mac(
    'context', key_id, ctx.message(org::text, company::text, actor::text, tier)
  ), true);
end
$$;

-- A ticket is 'v1:kind:kid:subject:expiry in ms:nonce:mac', signed by our own processes and good for five seconds.
create function ctx.ticket_subject(ticket text, wanted_kind text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  parts text[] := string_to_array(ticket, ':');
  expected text;
begin
  if cardinality(parts) is distinct from 7 or parts[1] <> 'v1' or parts[2] is distinct from wanted_kind
    or parts[5] !~ '^[0-9]{1,15}$' then
    return null;
  end if;
  expected := ctx.mac('ticket', parts[3], array_to_string(parts[1:6], ':'));
  if expected is null
    or sha256(convert_to(expected, 'UTF8')) <> sha256(convert_to(parts[7], 'UTF8'))
    or parts[5]::bigint < extract(epoch from clock_timestamp()) * 1000 then
    return null;
  end if;
  return parts[4];
end
$$;

create function ctx.role_tier() returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case session_user
    when 'outbound_org' then 'org'
    when 'outbound_company' then 'company'
    when 'outbound_worker' then 'worker'
    when 'outbound_public' then 'hook'
  end
$$;

create function ctx.refuse_second_context() returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if nullif(current_setting('app.signature', true), '') is not null then
    raise exception 'a context is already open in this transaction' using errcode = '55000';
  end if;
end
$$;

-- The door for API tokens and for webhook paths: the first statement of a request's transaction.
create function ctx.open(
  ticket text, out org_id uuid, out company_id uuid, out user_id uuid, out credential_id uuid, out tier text
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  wanted text := ctx.role_tier();
  subject text;
begin
  perform ctx.refuse_second_context();
  subject := ctx.ticket_subject(ticket, case wanted when 'hook' then 'hook' else 'token' end);
  if subject ~ '^[0-9a-f]{64}$' then
    select c.org_id, c.company_id, c.user_id, c.id, c.tier
    into org_id, company_id, user_id, credential_id, tier
    from ctx.credentials as c
    where c.hmac = decode(subject, 'hex')
      and c.closed_at is null
      and (c.expires_at is null or c.expires_at > clock_timestamp())
      and c.tier = wanted;
  end if;
  if tier is null then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  perform ctx.set_scope(org_id, company_id, coalesce(user_id, credential_id), tier);
end
$$;

-- The door for workers: one organization per transaction, named by a ticket that only our processes can sign.
create function ctx.open_job(ticket text) returns uuid
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  subject text := ctx.ticket_subject(ticket, 'job');
begin
  perform ctx.refuse_second_context();
  if subject is null or ctx.role_tier() is distinct from 'worker' then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  perform ctx.set_scope(subject::uuid, null, null, 'worker');
  return subject::uuid;
end
$$;

-- Closes what may not open a context any more. Called by the triggers of the tables that own credentials.
create function ctx.put_credential(
  p_hmac bytea, p_kind text, p_org uuid, p_id uuid, p_company uuid, p_user uuid, p_tier text,
  p_expires timestamptz, p_closed timestamptz
) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into ctx.credentials (hmac, kind, org_id, id, company_id, user_id, tier, expires_at, closed_at)
  values (p_hmac, p_kind, p_org, p_id, p_company, p_user, p_tier, p_expires, p_closed)
  on conflict (hmac) do update set expires_at = excluded.expires_at, closed_at = excluded.closed_at
  where credentials.org_id = excluded.org_id and credentials.id = excluded.id
$$;

reset role;
