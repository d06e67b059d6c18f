-- Opening a context and believing it, for a third less. What is called by the doors only need not pin a search_path of
-- its own, since each door pins one: so the plain functions are written into the statements that use them, keys are
-- read once, and settings are set in one statement. What is compared stays the same.

set role outbound_owner;

-- Inlined: every name qualified, no settings of its own.
create or replace function ctx.message(org text, company text, actor text, tier text) returns text
language sql stable
as $$
  select pg_catalog.concat_ws(
    '|', coalesce(org, ''), coalesce(company, ''), coalesce(actor, ''), coalesce(tier, ''),
    pg_catalog.pg_backend_pid()::text,
    (extract(epoch from pg_catalog.transaction_timestamp()) * 1000000)::bigint::text
  )
$$;

-- The HMAC of a message under a key. Inlined likewise.
create function ctx.sign(key ctx.keys, message text) returns text
language sql immutable
as $$
  select pg_catalog.encode(
    pg_catalog.sha256(
      (key).outer_pad || pg_catalog.sha256((key).inner_pad || pg_catalog.convert_to(message, 'UTF8'))
    ), 'hex'
  )
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
    and parts[1] = 'v1' and parts[2] = wanted_kind
    and parts[5]::bigint >= extract(epoch from clock_timestamp()) * 1000 then
    return parts[4];
  end if;
  return null;
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
    = sha256(convert_to(signature, 'UTF8')) then
    org_id := nullif(org, '');
    company_id := nullif(company, '');
    user_id := nullif(actor, '');
    tier := nullif(level, '');
  end if;
end
$$;

drop function ctx.mac(text, text, text);

reset role;
