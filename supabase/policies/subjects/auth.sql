-- Logging in, refreshing, and single-use links: each door takes one signed ticket, and none leaves a context open.

-- Under which name an account's tries are counted: the spelling is ours, so that no other spelling is another count.
create or replace function ctx.account_key(slug text, email text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$ select encode(sha256(convert_to(slug || E'\n' || outbound.normalize_email(email), 'UTF8')), 'hex') $$;

-- Takes one try from a token bucket, which refills steadily. Returns how many seconds to wait when it is empty, else 0.
create or replace function ctx.take_try(bucket text, capacity double precision, seconds_each double precision)
returns double precision
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  stand double precision;
begin
  insert into ctx.login_buckets as b (bucket, tokens, updated_at)
  values (bucket, capacity - 1, clock_timestamp())
  on conflict on constraint login_buckets_pkey do update
  set
    tokens = least(capacity, b.tokens + extract(epoch from clock_timestamp() - b.updated_at) / seconds_each) - 1,
    updated_at = clock_timestamp()
  returning b.tokens into stand;
  if stand >= 0 then
    return 0;
  end if;
  -- The bucket was empty: what was taken goes back.
  update ctx.login_buckets as b set tokens = stand + 1 where b.bucket = take_try.bucket;
  return greatest(1, (0 - stand) * seconds_each);
end
$$;

-- Counts a login before the password is looked at, and hands out what to compare it with. Unknown slugs and addresses
-- are counted alike and come back empty.
create or replace function ctx.begin_login(
  ticket text, out wait_seconds double precision, out org_id uuid, out user_id uuid, out password_hash text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  asked jsonb := ctx.ticket_document(ticket, 'login');
begin
  -- Behind a proxy that was not declared nobody's address is known, and none is counted.
  wait_seconds := case
    when asked ->> 'address' is null then 0 else ctx.take_try('address:' || (asked ->> 'address'), 100, 9)
  end;
  if wait_seconds = 0 then
    -- A device that has logged in before has a bucket of its own: guessing does not lock the owner out.
    wait_seconds := case
      when (asked ->> 'known_device')::boolean
        then ctx.take_try('device:' || ctx.account_key(asked ->> 'slug', asked ->> 'email'), 10, 90)
      else ctx.take_try('account:' || ctx.account_key(asked ->> 'slug', asked ->> 'email'), 10, 90)
    end;
  end if;
  if wait_seconds > 0 then
    return;
  end if;
  select t.org_id into org_id
  from ctx.tenants as t
  where t.slug = asked ->> 'slug' and t.status = 'active' and t.deleted_at is null;
  if org_id is null then
    return;
  end if;
  perform ctx.set_scope(org_id, null, null, 'auth');
  select u.id, u.password_hash into user_id, password_hash
  from outbound.users as u
  where u.org_id = begin_login.org_id and u.email_normalized = outbound.normalize_email(asked ->> 'email')
    and u.kind = 'person' and u.status = 'active' and u.deleted_at is null
    and not exists (
      select from outbound.companies as c
      where c.org_id = u.org_id and c.id = u.company_id and (c.status <> 'active' or c.deleted_at is not null)
    );
  perform set_config('app.signature', '', true);
end
$$;

create or replace function ctx.put_refresh_token(fresh bytea, org uuid, session uuid, session_end timestamptz)
returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into ctx.refresh_tokens (hmac, org_id, session_id, expires_at)
  values (fresh, org, session, least(now() + interval '7 days', session_end))
$$;

-- Opens a session for a person whose password our process has just verified. The hash travels with the ticket: if it
-- was changed in between, there is no session.
create or replace function ctx.finish_login(
  ticket text, out session_id uuid, out company_id uuid, out role text, out name text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  asked jsonb := ctx.ticket_document(ticket, 'session-new');
  org uuid := (asked ->> 'org_id')::uuid;
  person uuid := (asked ->> 'user_id')::uuid;
  session_end timestamptz := now() + interval '30 days';
begin
  perform ctx.set_scope(org, null, person, 'auth');
  select u.company_id, u.role, u.name into company_id, role, name
  from outbound.users as u
  where u.org_id = org and u.id = person and u.status = 'active' and u.deleted_at is null
    and u.password_hash = asked ->> 'password_hash' and not ctx.parents_closed(org, u.company_id, person)
  for no key update;
  if not found then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  if asked ->> 'rehash' is not null then
    update outbound.users as u set password_hash = asked ->> 'rehash' where u.org_id = org and u.id = person;
  end if;
  insert into outbound.sessions (org_id, company_id, user_id, user_agent, address, expires_at)
  values (
    org, finish_login.company_id, person, left(asked ->> 'user_agent', 400), left(asked ->> 'address', 100),
    session_end
  )
  returning id into session_id;
  perform ctx.put_refresh_token(decode(asked ->> 'refresh_hmac', 'hex'), org, session_id, session_end);
  delete from ctx.login_buckets as b
  where b.bucket in (
    'account:' || ctx.account_key(asked ->> 'slug', asked ->> 'email'),
    'device:' || ctx.account_key(asked ->> 'slug', asked ->> 'email')
  );
  perform set_config('app.signature', '', true);
end
$$;

-- Exchanges a refresh token for its only child. Within ten seconds the same question gets the same child, as long as
-- the child was not used; any other second use ends the whole session. Says what happened instead of raising, so that
-- the end of a session is kept.
create or replace function ctx.refresh_session(
  ticket text, out outcome text, out org_id uuid, out session_id uuid, out user_id uuid, out company_id uuid,
  out role text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  asked jsonb := ctx.ticket_document(ticket, 'refresh');
  known ctx.refresh_tokens;
  session outbound.sessions;
  next_hmac bytea := decode(asked ->> 'child_hmac', 'hex');
begin
  outcome := 'refused';
  select r.* into known from ctx.refresh_tokens as r where r.hmac = decode(asked ->> 'hmac', 'hex') for update;
  if not found then
    return;
  end if;
  perform ctx.set_scope(known.org_id, null, null, 'auth');
  select s.* into session
  from outbound.sessions as s
  where s.org_id = known.org_id and s.id = known.session_id
  for no key update;
  if session.revoked_at is not null or session.expires_at <= now() or known.expires_at <= now()
    or ctx.parents_closed(session.org_id, session.company_id, session.user_id) then
    perform set_config('app.signature', '', true);
    return;
  end if;
  if known.used_at is null then
    update ctx.refresh_tokens as r set used_at = clock_timestamp(), child = next_hmac
    where r.hmac = known.hmac;
    perform ctx.put_refresh_token(next_hmac, session.org_id, session.id, session.expires_at);
    update outbound.sessions as s set refreshed_at = now() where s.org_id = session.org_id and s.id = session.id;
    outcome := 'fresh';
  elsif known.used_at > clock_timestamp() - interval '10 seconds' and known.child = next_hmac and exists (
    select from ctx.refresh_tokens as r where r.hmac = next_hmac and r.used_at is null
  ) then
    outcome := 'repeated';
  else
    update outbound.sessions as s set revoked_at = now(), revoked_reason = 'reuse'
    where s.org_id = session.org_id and s.id = session.id;
    outcome := 'reused';
  end if;
  org_id := session.org_id;
  session_id := session.id;
  user_id := session.user_id;
  company_id := session.company_id;
  role := ctx.user_role(session.org_id, session.user_id);
  if outcome = 'reused' then
    perform ctx.note_security(org_id, company_id, user_id, 'session.reuse_detected', session_id);
  end if;
  perform set_config('app.signature', '', true);
end
$$;

-- Makes the one link by which a person of the caller's sets a password; earlier ones close. Returns false for anybody
-- else's person. A definer is not bound by the company fence, so it asks the context itself.
create or replace function ctx.new_link(person uuid, link_hmac bytea, expires timestamptz) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  asker record;
  target outbound.users;
  fresh ctx.credentials;
begin
  select s.org_id, s.company_id, s.tier into asker from ctx.scope() as s;
  select u.* into target
  from outbound.users as u
  where u.org_id = asker.org_id and u.id = person and u.kind = 'person' and u.status <> 'suspended'
    and u.deleted_at is null and asker.tier in ('org', 'company')
    and (asker.tier = 'org' or u.company_id = asker.company_id);
  if not found then
    return false;
  end if;
  perform ctx.refuse_beyond(target.role, null, null, null);
  perform ctx.lock_parents(target.org_id, target.company_id, null);
  update ctx.credentials as c set closed_at = now()
  where c.org_id = target.org_id and c.id = target.id and c.kind = 'link' and c.closed_at is null;
  fresh.hmac := link_hmac;
  fresh.kind := 'link';
  fresh.org_id := target.org_id;
  fresh.id := target.id;
  fresh.company_id := target.company_id;
  fresh.user_id := target.id;
  fresh.tier := 'link';
  fresh.expires_at := expires;
  perform ctx.put_credential(fresh);
  return true;
end
$$;

-- Whether a link is good still: asked before a password is hashed, which costs far more than this.
create or replace function ctx.link_lives(ticket text) returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  asked jsonb := ctx.ticket_document(ticket, 'link');
begin
  return exists (
    select from ctx.credentials as c
    where c.hmac = decode(asked ->> 'hmac', 'hex') and c.kind = 'link' and c.closed_at is null
      and c.expires_at > clock_timestamp()
  );
end
$$;

-- Sets the password of the person a link was made for, ends that person's sessions, and closes the link. An address
-- that somebody else of the organization holds by now is not told apart: the link is used up, and nothing is set.
create or replace function ctx.use_link(ticket text) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  asked jsonb := ctx.ticket_document(ticket, 'link');
  link ctx.credentials;
begin
  select c.* into link from ctx.credentials as c where c.hmac = decode(asked ->> 'hmac', 'hex') and c.kind = 'link';
  if not found then
    return false;
  end if;
  -- The person before their credentials, as whoever suspends them or makes another link does it.
  perform ctx.set_scope(link.org_id, null, link.user_id, 'auth');
  perform from outbound.users as u where u.org_id = link.org_id and u.id = link.user_id for no key update;
  update ctx.credentials as c set closed_at = now()
  where c.hmac = link.hmac and c.closed_at is null and c.expires_at > clock_timestamp();
  if not found then
    perform set_config('app.signature', '', true);
    return false;
  end if;
  begin
    update outbound.users as u
    set password_hash = asked ->> 'password_hash', status = 'active'
    where u.org_id = link.org_id and u.id = link.user_id and u.status <> 'suspended' and u.deleted_at is null;
    if found then
      update outbound.sessions as s set revoked_at = now(), revoked_reason = 'password'
      where s.org_id = link.org_id and s.user_id = link.user_id and s.revoked_at is null;
      perform ctx.note_security(link.org_id, link.company_id, link.user_id, 'user.password_set', link.user_id);
    end if;
  exception when unique_violation then
    null;
  end;
  perform set_config('app.signature', '', true);
  return true;
end
$$;

create or replace function ctx.sync_session_credential() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  fresh ctx.credentials;
begin
  -- A session that ends may outlive nobody: only one that goes on keeps those above it from being closed meanwhile.
  if new.revoked_at is null then
    perform ctx.lock_parents(new.org_id, new.company_id, new.user_id);
  end if;
  fresh.hmac := sha256(convert_to('session:' || new.id, 'UTF8'));
  fresh.kind := 'session';
  fresh.org_id := new.org_id;
  fresh.id := new.id;
  fresh.company_id := new.company_id;
  fresh.user_id := new.user_id;
  fresh.tier := case when new.company_id is null then 'org' else 'company' end;
  fresh.role := ctx.user_role(new.org_id, new.user_id);
  fresh.expires_at := new.expires_at;
  fresh.closed_at := coalesce(
    new.revoked_at, case when ctx.parents_closed(new.org_id, new.company_id, new.user_id) then now() end
  );
  perform ctx.put_credential(fresh);
  return null;
end
$$;

create or replace trigger sync_credential after insert or update of revoked_at, expires_at on outbound.sessions
for each row execute function ctx.sync_session_credential();
create or replace trigger check_own_user after insert on outbound.sessions
for each row when (new.company_id is null)
execute function outbound.check_own_level('users', 'user_id', 'sessions_user');

grant select on outbound.sessions to outbound_org, outbound_company;
grant update (revoked_at, revoked_reason) on outbound.sessions to outbound_org, outbound_company;
