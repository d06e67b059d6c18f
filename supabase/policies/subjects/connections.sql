-- Connections: the use of provider accounts by companies, how it begins and ends, and what the accounts can send from.

-- A webhook path stays open after a disconnect: what still arrives is stored. Only a deleted connection closes it.
create or replace function ctx.sync_hook_credential() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  fresh ctx.credentials;
begin
  if tg_op = 'UPDATE' and old.hook_hmac <> new.hook_hmac then
    update ctx.credentials as c set closed_at = now() where c.hmac = old.hook_hmac;
  end if;
  fresh.hmac := new.hook_hmac;
  fresh.kind := 'hook';
  fresh.org_id := new.org_id;
  fresh.id := new.id;
  fresh.company_id := new.company_id;
  fresh.tier := 'hook';
  fresh.closed_at := new.deleted_at;
  perform ctx.put_credential(fresh);
  return null;
end
$$;

-- Whatever was asked for: a sandbox's connections are tests, and nobody else's are.
create or replace function outbound.take_environment() returns trigger
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Where the organization is not seen, the fence refuses the row after this.
  new.environment := case
    when exists (select from outbound.organizations as o where o.id = new.org_id and o.sandbox) then 'test' else 'live'
  end;
  return new;
end
$$;

-- The second company of an account makes it a shared one, whoever connects it. The account is held first, so that of
-- two who come at once the later sees the earlier.
create or replace function outbound.share_account() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from outbound.provider_accounts as a
  where a.org_id = new.org_id and a.id = new.account_id
  for no key update;
  update outbound.provider_accounts as a
  set shared_at = now(), block_list_due = true
  where a.org_id = new.org_id and a.id = new.account_id and a.shared_at is null and exists (
    select from outbound.connections as k
    where k.org_id = new.org_id and k.account_id = new.account_id and k.company_id <> new.company_id
      and k.deleted_at is null
  );
  return null;
end
$$;

-- A connection that begins to close holds its company's work at once; its entitlement says so.
create or replace function outbound.close_connection() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform outbound.pause_campaigns(new.org_id, new.company_id, new.capability, 'disconnected');
  update outbound.entitlements as e set status = 'disconnected'
  where e.org_id = new.org_id and e.company_id = new.company_id and e.capability = new.capability
    and e.status = 'connected' and e.deleted_at is null;
  perform jobs.enqueue('account.work', new.account_id, null, true);
  return null;
end
$$;

-- Where the key is lost there is nobody left to tell: closing ends at once.
create or replace function outbound.finish_closing() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.closing_at is not null and new.status = 'error' then
    new.status := 'disconnected';
  end if;
  if new.closing_at is not null and new.status = 'disconnected' then
    new.credential := null;
    new.reason := null;
  end if;
  return new;
end
$$;

-- Takes columns rather than the row: nobody may read the secrets in it. One that begins to close is shown as closed.
create or replace function outbound.connection_document(
  id uuid, company_id uuid, capability text, provider text, environment text, status text, reason text,
  closing_at timestamptz, shared_at timestamptz, weight integer, hook_state text, hook_checked_at timestamptz,
  missed_at timestamptz, created_at timestamptz, updated_at timestamptz
) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', id, 'company_id', company_id, 'capability', capability, 'provider', provider, 'environment', environment,
    'status', case when closing_at is null then status else 'disconnected' end, 'reason', reason,
    'shared', shared_at is not null, 'weight', weight,
    'webhooks', json_build_object('state', hook_state, 'checked_at', hook_checked_at, 'missed_at', missed_at),
    'created_at', created_at, 'updated_at', updated_at
  )
$$;

-- `sender` is the company's own that was made from it.
create or replace function outbound.account_sender_document(
  acs outbound.account_senders, sender uuid, provider text, shared_at timestamptz
) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', acs.id, 'company_id', acs.assigned_to, 'sender_id', sender, 'provider', provider,
    'shared', shared_at is not null, 'address', acs.address, 'display_name', acs.display_name, 'status', acs.status,
    'daily_limit', acs.daily_limit, 'warmup_status', acs.warmup_status,
    'health', outbound.health_document(acs.health), 'created_at', acs.created_at, 'updated_at', acs.updated_at
  )
$$;

create or replace trigger sync_credential after insert or update of hook_hmac, deleted_at on outbound.connections
for each row execute function ctx.sync_hook_credential();
create or replace trigger take_environment before insert or update of environment on outbound.connections
for each row execute function outbound.take_environment();
create or replace trigger share_account after insert or update of account_id on outbound.connections
for each row execute function outbound.share_account();
create or replace trigger close_connection after update of closing_at on outbound.connections
for each row when (old.closing_at is null and new.closing_at is not null)
execute function outbound.close_connection();
create or replace trigger finish_closing before update of closing_at, status on outbound.connections
for each row execute function outbound.finish_closing();
create or replace trigger refuse_deleted_companies after insert on outbound.account_senders
referencing new table as fresh for each statement
execute function outbound.refuse_deleted_parent('companies', 'assigned_to', 'account_senders_company');

-- When there is work for a lane: senders have never been read, or the connection is closing.
create or replace view jobs.due_connections with (security_invoker = true) as
select
  k.org_id,
  k.account_id as subject,
  w.step,
  w.due_at
from outbound.connections as k
cross join lateral (
  select
    'read_senders' as step,
    now() as due_at
  where k.senders_synced_at is null
  union all
  select
    'finish_closing',
    k.closing_at
  where k.closing_at is not null
  union all
  select
    'check_domains',
    d.due_at
  from (
    select coalesce(s.domain_checked_at + interval '1 day', now()) as due_at
    from outbound.senders as s
    inner join outbound.sender_bindings as sb
      on s.org_id = sb.org_id and s.company_id = sb.company_id and s.id = sb.sender_id
    where
      s.org_id = k.org_id and s.company_id = k.company_id and sb.connection_id = k.id
      and s.status = 'active' and s.deleted_at is null and s.address like '%@%.%'
    order by s.domain_checked_at asc nulls first
    limit 1
  ) as d
  where k.capability = 'email_outreach'
) as w
where k.status = 'connected' and k.deleted_at is null;
comment on view jobs.due_connections is 'account.work';

grant execute on function
outbound.connection_document(
  uuid, uuid, text, text, text, text, text, timestamptz, timestamptz, integer, text, timestamptz, timestamptz,
  timestamptz, timestamptz
),
outbound.account_sender_document(outbound.account_senders, uuid, text, timestamptz)
to outbound_org;
grant select (
  org_id, id, follows, provider, credential_hmac, budget_at, paused_until, used_by_minute, used_minute, shared_at,
  created_at, updated_at, deleted_at
), insert (provider, credential_hmac), update (shared_at, follows, block_list_due) on outbound.provider_accounts to outbound_org;
grant select on outbound.provider_accounts to outbound_worker;
grant update (
  budget_at, paused_until, used_by_minute, used_minute, shared_at, block_list_due, block_list_after, failures,
  reading
) on outbound.provider_accounts
to outbound_worker;
grant select (
  org_id, company_id, id, account_id, capability, provider, environment, weight, status, reason, hook_state,
  hook_checked_at, missed_at, senders_synced_at, closing_at, created_at, updated_at, deleted_at
) on outbound.connections to outbound_org;
grant insert (company_id, id, capability, provider, account_id, status, credential, hook_token, hook_hmac),
update (account_id, status, reason, credential, closing_at, senders_synced_at, weight)
on outbound.connections to outbound_org;
grant select on outbound.connections to outbound_worker;
grant update (
  status, reason, credential, hook_token, senders_synced_at, hook_state, hook_checked_at, missed_at
) on outbound.connections to outbound_worker;
grant select on outbound.account_senders to outbound_org, outbound_worker;
grant insert (account_id, external_id, address, display_name, status, daily_limit, warmup_status, health),
update (address, display_name, status, daily_limit, warmup_status, health, assigned_to, decided_at)
on outbound.account_senders to outbound_org, outbound_worker;
