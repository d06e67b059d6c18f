-- PostgREST's way in: dashboards read with the access token that the API takes, behind the same context.

-- What an access token says, where we wrote it: PostgREST has checked the token's own signature, and a process with its
-- database address may claim anything, so what counts here is `ctx`, an HMAC under a ticket key over who, as which role, until when
-- and with which permissions. Nulls for everything else.
create or replace function ctx.dashboard_claims(out sid uuid, out scopes text[])
language plpgsql stable
as $$
declare
  claims jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  parts text[] := string_to_array(claims ->> 'ctx', ':');
  key ctx.keys;
begin
  select k.* into key
  from ctx.keys as k
  where k.kind = 'ticket' and k.kid = parts[1] and k.retired_at is null;
  -- Nothing is read as a number or an id before the signature has said that we wrote it.
  if key.kid is not null and cardinality(parts) = 2
    and sha256(convert_to(ctx.sign(key, concat_ws(
      '|', 'dashboard', coalesce(claims ->> 'sid', ''), coalesce(claims ->> 'role', ''),
      coalesce(claims ->> 'iat', ''), coalesce(claims ->> 'exp', ''), coalesce(claims ->> 'iss', ''),
      coalesce(claims ->> 'scope', '')
    )), 'UTF8')) = sha256(convert_to(parts[2], 'UTF8'))
    and claims ->> 'token_use' = 'access' and claims ->> 'aud' = 'outbound' and claims ->> 'iss' <> ''
    and claims ->> 'role' = current_setting('role')
    and (claims ->> 'exp')::bigint - (claims ->> 'iat')::bigint between 1 and 3600
    and (claims ->> 'exp')::bigint + 5 > extract(epoch from clock_timestamp()) then
    sid := claims ->> 'sid';
    scopes := string_to_array(claims ->> 'scope', ' ');
  end if;
end
$$;

-- Called by PostgREST at the beginning of every request, read-only ones too. The tier is that of the role that the
-- transaction acts as, and never a claim; whose rows are seen is what the credential says, and never a claim.
create or replace function ctx.pre_request() returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  wanted_tier text := case current_setting('role')
    when 'dashboard_org' then 'org' when 'dashboard_company' then 'company'
  end;
  claimed record;
  known ctx.credentials;
begin
  perform ctx.refuse_second_context();
  select c.sid, c.scopes into claimed from ctx.dashboard_claims() as c;
  select c.* into known
  from ctx.credentials as c
  where c.id = claimed.sid and c.kind in ('session', 'token') and c.tier = wanted_tier
    and c.closed_at is null and (c.expires_at is null or c.expires_at > clock_timestamp());
  if known.id is null then
    raise exception 'This credential is not valid, or not any more.' using errcode = 'PT401';
  end if;
  if not ('dashboards:read' = any(claimed.scopes) and 'dashboards:read' = any(ctx.permissions(known.role, known.scopes)))
  then
    raise exception 'This credential lacks the permission `dashboards:read`.' using errcode = 'PT403';
  end if;
  if current_setting('request.method', true) not in ('GET', 'HEAD') then
    raise exception 'Dashboards are read, and nothing else.' using errcode = 'PT405';
  end if;
  perform ctx.set_scope(known.org_id, known.company_id, coalesce(known.user_id, known.id), known.tier);
  perform ctx.set_credential(known.id);
end
$$;

-- Whether the credential of this request, and the token that it came with, include a permission.
create or replace function ctx.dashboard_may(permission text) returns boolean
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return exists (
    select
    from ctx.dashboard_claims() as t
    inner join ctx.credentials as c on c.id = t.sid and c.kind in ('session', 'token')
    where c.id = ctx.credential_id() and permission = any(t.scopes)
      and permission = any(ctx.permissions(c.role, c.scopes))
  );
end
$$;
