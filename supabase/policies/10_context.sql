-- The signed context: who a transaction acts for, in settings that only these functions can make valid.

-- A setting alone proves nothing, since any session may set it; the signature covers the values, the backend and the
-- start of the transaction, with a key that no request role can read. What only the doors call pins no search_path of
-- its own, since each door pins one: so the plain functions are written into the statements that use them, keys are
-- read once, and settings are set in one statement. This one is written in likewise: every name is qualified.
create or replace function ctx.message(org text, company text, actor text, tier text) returns text
language sql stable
as $$
  select pg_catalog.concat_ws(
    '|', coalesce(org, ''), coalesce(company, ''), coalesce(actor, ''), coalesce(tier, ''),
    pg_catalog.pg_backend_pid()::text,
    (extract(epoch from pg_catalog.transaction_timestamp()) * 1000000)::bigint::text
  )
$$;

-- The HMAC of a message under a key. Written into the statements that use it, like the message.
create or replace function ctx.sign(key ctx.keys, message text) returns text
language sql immutable
as $$
  select pg_catalog.encode(
    pg_catalog.sha256(
      (key).outer_pad || pg_catalog.sha256((key).inner_pad || pg_catalog.convert_to(message, 'UTF8'))
    ), 'hex'
  )
$$;

-- The one reader: NULLs unless the signature over the five values holds for this backend and this transaction. PostgREST
-- may become either of its roles at any time, so for those two the context must be of their own tier besides.
create or replace function ctx.scope(out org_id uuid, out company_id uuid, out user_id uuid, out tier text)
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  org text := current_setting('app.org_id', true);
  company text := current_setting('app.company_id', true);
  actor text := current_setting('app.user_id', true);
  level text := current_setting('app.tier', true);
  signature text := current_setting('app.signature', true);
  key ctx.keys;
begin
  select k.* into key
  from ctx.keys as k
  where k.kind = 'context' and k.kid = split_part(signature, ':', 1) and k.retired_at is null;
  if sha256(convert_to(key.kid || ':' || ctx.sign(key, ctx.message(org, company, actor, level)), 'UTF8'))
    = sha256(convert_to(signature, 'UTF8'))
    and level = (case current_setting('role')
      when 'dashboard_org' then 'org' when 'dashboard_company' then 'company' else level
    end) then
    org_id := nullif(org, '');
    company_id := nullif(company, '');
    user_id := nullif(actor, '');
    tier := nullif(level, '');
  end if;
end
$$;

create or replace function ctx.org_id() returns uuid
language sql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$ select s.org_id from ctx.scope() as s $$;

create or replace function ctx.company_id() returns uuid
language sql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$ select s.company_id from ctx.scope() as s $$;

-- Signs and sets a context for the rest of this transaction. For the doors below only.
create or replace function ctx.set_scope(org uuid, company uuid, actor uuid, tier text) returns void
language plpgsql
as $$
declare
  key ctx.keys;
begin
  select k.* into key
  from ctx.keys as k
  where k.kind = 'context' and k.retired_at is null
  order by k.created_at desc limit 1;
  if key.kid is null then
    raise exception 'no context key: run outbound migrate' using errcode = '55000';
  end if;
  perform
    set_config('app.org_id', coalesce(org::text, ''), true),
    set_config('app.company_id', coalesce(company::text, ''), true),
    set_config('app.user_id', coalesce(actor::text, ''), true),
    set_config('app.tier', coalesce(tier, ''), true),
    set_config('app.signature', key.kid || ':' || ctx.sign(
      key, ctx.message(org::text, company::text, actor::text, tier)
    ), true);
end
$$;

-- Notes beside a context which credential opened it, under a signature that covers both: what that credential may do can
-- then be read, until the context is another one.
create or replace function ctx.set_credential(credential uuid) returns void
language plpgsql
as $$
declare
  key ctx.keys;
begin
  select k.* into key
  from ctx.keys as k
  where k.kind = 'context' and k.retired_at is null
  order by k.created_at desc limit 1;
  perform set_config('app.credential', concat_ws(':', credential, key.kid, ctx.sign(key, ctx.credential_message(
    credential::text
  ))), true);
end
$$;

-- No message of a context begins like this one, so neither signature passes for the other.
create or replace function ctx.credential_message(credential text) returns text
language sql stable
as $$
  select 'credential|' || credential || '|' || ctx.message(
    current_setting('app.org_id', true), current_setting('app.company_id', true),
    current_setting('app.user_id', true), current_setting('app.tier', true)
  )
$$;

-- The credential that opened the present context; null for a context that none opened, and for a forged one.
create or replace function ctx.credential_id() returns uuid
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  parts text[] := string_to_array(current_setting('app.credential', true), ':');
  key ctx.keys;
begin
  select k.* into key
  from ctx.keys as k
  where k.kind = 'context' and k.kid = parts[2] and k.retired_at is null;
  if key.kid is not null and (select s.tier from ctx.scope() as s) is not null
    and sha256(convert_to(ctx.sign(key, ctx.credential_message(parts[1])), 'UTF8'))
    = sha256(convert_to(parts[3], 'UTF8')) then
    return parts[1]::uuid;
  end if;
  return null;
end
$$;

-- A ticket is 'v1:kind:kid:subject:expiry in ms:nonce:mac', signed by our own processes and good for five seconds. One
-- that we signed and that is older is refused with a hint: the clocks differ, and that is no fault of the caller's.
create or replace function ctx.ticket_subject(ticket text, wanted_kind text) returns text
language plpgsql stable
as $$
declare
  parts text[] := string_to_array(ticket, ':');
  key ctx.keys;
begin
  select k.* into key
  from ctx.keys as k
  where k.kind = 'ticket' and k.kid = parts[3] and k.retired_at is null;
  -- In this order: nothing is read as a number before the signature has said that we wrote it.
  if key.kid is not null and cardinality(parts) = 7
    and sha256(convert_to(ctx.sign(key, array_to_string(parts[1:6], ':')), 'UTF8'))
    = sha256(convert_to(parts[7], 'UTF8'))
    and parts[1] = 'v1' and parts[2] = wanted_kind then
    if parts[5]::bigint < extract(epoch from clock_timestamp()) * 1000 then
      raise exception 'credential refused' using errcode = '28000', hint = 'expired';
    end if;
    return parts[4];
  end if;
  return null;
end
$$;

-- For doors that open no context for their caller: the ticket's subject is base64 JSON, made by our own processes after
-- their own checks.
create or replace function ctx.ticket_document(ticket text, wanted_kind text) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  subject text := ctx.ticket_subject(ticket, wanted_kind);
begin
  perform ctx.refuse_second_context();
  if subject is null or ctx.role_tier() is distinct from 'hook' then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  return convert_from(decode(subject, 'base64'), 'UTF8')::jsonb;
end
$$;

create or replace function ctx.role_tier() returns text
language sql stable
as $$
  select case session_user
    when 'outbound_org' then 'org'
    when 'outbound_company' then 'company'
    when 'outbound_worker' then 'worker'
    when 'outbound_platform' then 'platform'
    when 'outbound_public' then 'hook'
  end
$$;

create or replace function ctx.refuse_second_context() returns void
language plpgsql stable
as $$
begin
  if nullif(current_setting('app.signature', true), '') is not null then
    raise exception 'a context is already open in this transaction' using errcode = '55000';
  end if;
end
$$;

-- The door for API tokens, sessions and webhook paths: the first statement of a request's transaction. The kind is the
-- ticket's, which its signature covers; the tier is the login role's.
create or replace function ctx.open(
  ticket text, out org_id uuid, out company_id uuid, out user_id uuid, out credential_id uuid, out tier text,
  out kind text, out role text, out scopes text[]
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  wanted_tier text := ctx.role_tier();
  wanted_kind text := case
    when wanted_tier = 'hook' then 'hook'
    when wanted_tier in ('org', 'company') and split_part(ticket, ':', 2) = 'session' then 'session'
    when wanted_tier in ('org', 'company') then 'token'
  end;
  subject text;
begin
  perform ctx.refuse_second_context();
  subject := ctx.ticket_subject(ticket, wanted_kind);
  if subject ~ '^[0-9a-f]{64}$' then
    select c.org_id, c.company_id, c.user_id, c.id, c.tier, c.kind, c.role, c.scopes
    into org_id, company_id, user_id, credential_id, tier, kind, role, scopes
    from ctx.credentials as c
    where c.hmac = decode(subject, 'hex')
      and c.closed_at is null
      and (c.expires_at is null or c.expires_at > clock_timestamp())
      and c.tier = wanted_tier
      and c.kind = wanted_kind;
  end if;
  if tier is null then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  perform ctx.set_scope(org_id, company_id, coalesce(user_id, credential_id), tier);
  perform ctx.set_credential(credential_id);
end
$$;

-- The door for workers: one organization per transaction, named by a ticket that only our processes can sign.
create or replace function ctx.open_job(ticket text) returns uuid
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  subject text := ctx.ticket_subject(ticket, 'job');
begin
  perform ctx.refuse_second_context();
  if subject is null or ctx.role_tier() is distinct from 'worker' or not exists (
    select from ctx.tenants as t where t.org_id = subject::uuid and t.deleted_at is null
  ) then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  perform ctx.set_scope(subject::uuid, null, null, 'worker');
  return subject::uuid;
end
$$;

-- The operator's door. The subject is a token's HMAC, or 'operator' for our own command line, and after a dot the one
-- organization to open; without it nothing of any tenant is seen.
create or replace function ctx.open_platform(ticket text, out org_id uuid, out credential_id uuid)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  subject text := ctx.ticket_subject(ticket, 'platform');
  who text := split_part(subject, '.', 1);
begin
  perform ctx.refuse_second_context();
  if who ~ '^[0-9a-f]{64}$' then
    select c.id into credential_id
    from ctx.credentials as c
    where c.hmac = decode(who, 'hex') and c.kind = 'platform' and c.closed_at is null
      and (c.expires_at is null or c.expires_at > clock_timestamp());
  end if;
  if ctx.role_tier() is distinct from 'platform' or (credential_id is null and who is distinct from 'operator') then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  org_id := nullif(split_part(subject, '.', 2), '')::uuid;
  perform ctx.set_scope(org_id, null, credential_id, 'platform');
end
$$;
