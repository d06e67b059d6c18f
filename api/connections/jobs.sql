-- name: senders_fresh :one
-- Whether the senders of an account have been read for all of its connections in the last hour; null: it has none.
select bool_and(coalesce(k.senders_synced_at > now() - interval '1 hour', false)) as are_fresh
from outbound.connections as k
where k.account_id = %(account_id)s and k.status = 'connected' and k.deleted_at is null;

-- name: lock_account :exec
-- An account, locked before anything that its companies share: their connections, senders and campaigns.
select from outbound.provider_accounts as a
where a.id = %(account_id)s
for no key update;

-- name: put_account_senders :exec
-- Makes an account's senders what the provider lists: new ones added, known ones updated, missing ones disconnected.
with seen as (
  select distinct on (r.external_id)
    r.external_id,
    r.address,
    r.display_name,
    r.status,
    r.daily_limit,
    r.warmup_status,
    r.health
  from jsonb_to_recordset(%(senders)s::jsonb) as r (
    external_id text, address text, display_name text, status text, daily_limit integer, warmup_status text,
    health jsonb
  )
),

missing as (
  update outbound.account_senders as s
  set status = 'disconnected'
  where
    s.account_id = %(account_id)s and s.status = 'active' and s.deleted_at is null
    and s.external_id not in (select seen.external_id from seen)
),

put as (
  insert into outbound.account_senders as s (
    account_id, external_id, address, display_name, status, daily_limit, warmup_status, health
  )
  select
    %(account_id)s,
    seen.external_id,
    seen.address,
    seen.display_name,
    seen.status,
    seen.daily_limit,
    seen.warmup_status,
    seen.health
  from seen
  on conflict (org_id, account_id, external_id) where deleted_at is null
  do update set
    address = excluded.address,
    display_name = excluded.display_name,
    status = excluded.status,
    daily_limit = excluded.daily_limit,
    warmup_status = excluded.warmup_status,
    health = excluded.health
  where
    (s.address, s.display_name, s.status, s.daily_limit, s.warmup_status, s.health)
    is distinct from (
      excluded.address, excluded.display_name, excluded.status, excluded.daily_limit, excluded.warmup_status,
      excluded.health
    )
)

update outbound.connections as k
set senders_synced_at = now()
where k.account_id = %(account_id)s and k.status = 'connected' and k.deleted_at is null;

-- name: inherit_senders :exec
-- Where an account has senders of the one before it, it is the same account under another key: whose they are stays.
with same as (
  select
    s.id,
    before.assigned_to,
    before.decided_at,
    earlier.shared_at
  from outbound.provider_accounts as a
  inner join outbound.provider_accounts as earlier on a.org_id = earlier.org_id and a.follows = earlier.id
  inner join outbound.account_senders as s on a.org_id = s.org_id and a.id = s.account_id
  inner join outbound.account_senders as before
    on earlier.org_id = before.org_id and earlier.id = before.account_id
    and s.external_id = before.external_id and s.address = before.address
  where a.id = %(account_id)s and s.deleted_at is null and before.deleted_at is null
),

kept as (
  update outbound.account_senders as s
  set
    assigned_to = same.assigned_to,
    decided_at = same.decided_at
  from same
  where s.id = same.id and s.assigned_to is null and s.decided_at is null
)

update outbound.provider_accounts as a
set shared_at = (select min(same.shared_at) from same)
where a.id = %(account_id)s and a.shared_at is null and (select min(same.shared_at) from same) is not null;

-- name: share_same :exec
-- Accounts of the organization that have the same senders are one account under several keys: if companies use them, they
-- share it.
with others as (
  select distinct other.account_id
  from outbound.account_senders as mine
  inner join outbound.account_senders as other
    on
      mine.org_id = other.org_id and mine.external_id = other.external_id and mine.address = other.address
      and mine.account_id <> other.account_id
  inner join outbound.provider_accounts as a on mine.org_id = a.org_id and mine.account_id = a.id
  inner join outbound.provider_accounts as b on other.org_id = b.org_id and other.account_id = b.id
  inner join outbound.connections as theirs on b.org_id = theirs.org_id and b.id = theirs.account_id
  inner join outbound.connections as ours on a.org_id = ours.org_id and a.id = ours.account_id
  where
    a.id = %(account_id)s and a.provider = b.provider and ours.company_id <> theirs.company_id
    and mine.deleted_at is null and other.deleted_at is null
    and ours.deleted_at is null and theirs.deleted_at is null
)

update outbound.provider_accounts as a
set shared_at = now()
where
  a.shared_at is null
  and (
    a.id in (select o.account_id from others as o) or (a.id = %(account_id)s and exists (select from others))
  );

-- name: assign_unshared :exec
-- What an account can send from belongs to the one company that uses it, unless a partner has decided otherwise.
update outbound.account_senders as s
set assigned_to = k.company_id
from outbound.provider_accounts as a
inner join outbound.connections as k on a.org_id = k.org_id and a.id = k.account_id
where
  a.id = %(account_id)s and a.shared_at is null and s.account_id = a.id
  and k.closing_at is null and k.deleted_at is null
  and s.assigned_to is null and s.decided_at is null and s.deleted_at is null;

-- name: update_senders :exec
-- Makes the senders that an account's companies have already what the account's are.
update outbound.senders as s
set
  address = acs.address,
  display_name = acs.display_name,
  status = acs.status,
  daily_limit = acs.daily_limit,
  warmup_status = acs.warmup_status,
  health = acs.health,
  deleted_at = null
from outbound.account_senders as acs
inner join outbound.connections as k
  on acs.org_id = k.org_id and acs.account_id = k.account_id and acs.assigned_to = k.company_id
inner join outbound.sender_bindings as sb
  on
    k.org_id = sb.org_id and k.company_id = sb.company_id and k.id = sb.connection_id
    and acs.external_id = sb.external_id
where
  acs.account_id = %(account_id)s and acs.deleted_at is null and k.deleted_at is null
  and s.company_id = sb.company_id and s.id = sb.sender_id
  and (s.address, s.display_name, s.status, s.daily_limit, s.warmup_status, s.health, s.deleted_at)
  is distinct from
  (
    acs.address, acs.display_name, acs.status, acs.daily_limit, acs.warmup_status, acs.health, null::timestamptz
  );

-- name: disconnect_senders :exec
-- Senders that an account's companies have and that are not assigned to them any more are disconnected.
update outbound.senders as s
set status = 'disconnected'
from outbound.connections as k
inner join outbound.sender_bindings as sb
  on k.org_id = sb.org_id and k.company_id = sb.company_id and k.id = sb.connection_id
where
  k.account_id = %(account_id)s and k.deleted_at is null
  and s.company_id = sb.company_id and s.id = sb.sender_id and s.status = 'active' and s.deleted_at is null
  and not exists (
    select from outbound.account_senders as acs
    where
      acs.org_id = k.org_id and acs.account_id = k.account_id and acs.assigned_to = k.company_id
      and acs.external_id = sb.external_id and acs.deleted_at is null
  );

-- name: add_senders :exec
-- Adds the senders that are assigned to an account's companies and that they have not got yet.
with fresh as materialized (
  select
    outbound.uuid_v7() as sender_id,
    k.company_id,
    k.capability,
    k.id as connection_id,
    acs.external_id,
    acs.address,
    acs.display_name,
    acs.status,
    acs.daily_limit,
    acs.warmup_status,
    acs.health
  from outbound.account_senders as acs
  inner join outbound.connections as k
    on acs.org_id = k.org_id and acs.account_id = k.account_id and acs.assigned_to = k.company_id
  where
    acs.account_id = %(account_id)s and acs.deleted_at is null and k.deleted_at is null
    and not exists (
      select from outbound.sender_bindings as sb
      where
        sb.org_id = k.org_id and sb.company_id = k.company_id and sb.connection_id = k.id
        and sb.external_id = acs.external_id
    )
),

inserted as (
  insert into outbound.senders (
    company_id, id, capability, address, display_name, status, daily_limit, warmup_status, health
  )
  select
    f.company_id,
    f.sender_id,
    f.capability,
    f.address,
    f.display_name,
    f.status,
    f.daily_limit,
    f.warmup_status,
    f.health
  from fresh as f
)

insert into outbound.sender_bindings (company_id, sender_id, connection_id, external_id)
select
  f.company_id,
  f.sender_id,
  f.connection_id,
  f.external_id
from fresh as f;

-- name: webhooks_to_take_away :many
-- Campaigns of closing connections whose webhook is still registered, once they rest.
select
  b.company_id,
  b.campaign_id,
  b.external_id,
  k.id as connection_id,
  k.hook_token
from outbound.connections as k
inner join outbound.campaign_bindings as b on k.company_id = b.company_id and k.id = b.connection_id
where
  k.account_id = %(account_id)s and k.status = 'connected' and k.closing_at is not null and k.deleted_at is null
  and b.external_id is not null and b.parts -> 'webhook' is not null and b.remote_status <> 'active'
order by b.id
limit 50;

-- name: forget_webhook :exec
-- Notes that a campaign's webhook is not registered any more.
update outbound.campaign_bindings as b
set parts = b.parts - 'webhook'
where b.company_id = %(company_id)s and b.campaign_id = %(campaign_id)s;

-- name: fail_answers :exec
-- Answers that were not sent before their connection closed are not sent at all.
update outbound.messages as m
set
  state = 'failed',
  reason = 'disconnected'
from outbound.connections as k
inner join outbound.conversations as v
  on k.org_id = v.org_id and k.company_id = v.company_id and k.id = v.connection_id
where
  k.account_id = %(account_id)s and k.closing_at is not null and k.deleted_at is null
  and m.org_id = v.org_id and m.company_id = v.company_id and m.conversation_id = v.id
  and m.state = 'queued' and m.deleted_at is null;

-- name: finish_closing :exec
-- Connections with nothing left to tell the provider: the key is destroyed.
update outbound.connections as k
set status = 'disconnected'
where
  k.account_id = %(account_id)s and k.closing_at is not null and k.status = 'connected' and k.deleted_at is null
  and not exists (
    select from outbound.campaign_bindings as b
    inner join outbound.campaigns as c on b.org_id = c.org_id and b.company_id = c.company_id and b.campaign_id = c.id
    where
      b.company_id = k.company_id and b.connection_id = k.id and b.remote_status = 'active'
      and c.sync_error is distinct from 'pause_refused' and c.deleted_at is null
  )
  and not exists (
    select from outbound.campaign_leads as e
    inner join outbound.campaign_bindings as b
      on e.org_id = b.org_id and e.company_id = b.company_id and e.campaign_id = b.campaign_id
    where
      b.company_id = k.company_id and b.connection_id = k.id and e.deleted_at is null
      and e.stop_state = 'due' and e.push_state = 'pushed'
  );
