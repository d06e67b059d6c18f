-- name: senders_due :many
-- Connections of an account whose senders have not been read for an hour.
select
  k.id,
  k.company_id,
  k.capability
from outbound.connections as k
where
  k.account_id = %(account_id)s and k.status = 'connected' and k.deleted_at is null
  and (k.senders_synced_at is null or k.senders_synced_at < now() - interval '1 hour');

-- name: store_senders :exec
-- Makes a connection's senders what the provider lists: new ones added, known ones updated, missing ones disconnected.
with seen as (
  select
    r.external_id,
    r.address,
    r.display_name,
    r.status,
    r.daily_limit,
    r.warmup_status
  from jsonb_to_recordset(%(senders)s::jsonb) as r (
    external_id text, address text, display_name text, status text, daily_limit integer, warmup_status text
  )
),

known as (
  select
    b.sender_id,
    b.external_id
  from outbound.sender_bindings as b
  where b.company_id = %(company_id)s and b.connection_id = %(connection_id)s
),

updated as (
  update outbound.senders as s
  set
    address = seen.address,
    display_name = seen.display_name,
    status = seen.status,
    daily_limit = seen.daily_limit,
    warmup_status = seen.warmup_status,
    deleted_at = null
  from known
  inner join seen on known.external_id = seen.external_id
  where s.id = known.sender_id
),

missing as (
  update outbound.senders as s
  set status = 'disconnected'
  from known
  where
    s.id = known.sender_id and s.status = 'active'
    and not exists (select from seen
where seen.external_id = known.external_id)
),

fresh as (
  select
    outbound.uuid_v7() as id,
    seen.external_id,
    seen.address,
    seen.display_name,
    seen.status,
    seen.daily_limit,
    seen.warmup_status
  from seen
  where not exists (select from known
where known.external_id = seen.external_id)
),

inserted as (
  insert into outbound.senders (
    company_id, id, capability, address, display_name, status, daily_limit, warmup_status
  )
  select
    %(company_id)s,
    fresh.id,
    %(capability)s,
    fresh.address,
    fresh.display_name,
    fresh.status,
    fresh.daily_limit,
    fresh.warmup_status
  from fresh
),

bound as (
  insert into outbound.sender_bindings (company_id, sender_id, connection_id, external_id)
  select
    %(company_id)s,
    fresh.id,
    %(connection_id)s,
    fresh.external_id
  from fresh
)

update outbound.connections as k
set senders_synced_at = now()
where k.id = %(connection_id)s;

-- name: get_entitlement_for_connection :one
-- The entitlement of a company that a provider's connection would fulfil, held until the transaction ends.
select
  e.id,
  e.capability,
  e.provider,
  e.status,
  case when o.sandbox then 'test' else 'live' end as environment
from outbound.entitlements as e
inner join outbound.organizations as o on e.org_id = o.id
inner join outbound.providers as p on e.capability = p.capability and p.key = %(provider)s
where e.company_id = %(company_id)s and e.deleted_at is null
for no key update of e;

-- name: company_exists :one
-- Whether a company is the caller's and not deleted.
select c.id
from outbound.companies as c
where c.id = %(company_id)s and c.deleted_at is null;

-- name: provider_exists :one
-- Whether we work with a provider.
select p.key
from outbound.providers as p
where p.key = %(provider)s;

-- name: connection_of_capability :one
-- The live connection of a company for a capability, held until the transaction ends.
select
  k.id,
  case when k.closing_at is null then k.status else 'disconnected' end as status
from outbound.connections as k
where k.company_id = %(company_id)s and k.capability = %(capability)s and k.deleted_at is null
for no key update of k;

-- name: put_account :one
-- The account that a key opens, found again or added.
with added as (
  insert into outbound.provider_accounts as a (provider, credential_hmac)
  values (%(provider)s, %(credential_hmac)s)
  on conflict (org_id, provider, credential_hmac) where deleted_at is null do nothing
  returning a.id
)

select added.id
from added
union all
select a.id
from outbound.provider_accounts as a
where a.provider = %(provider)s and a.credential_hmac = %(credential_hmac)s and a.deleted_at is null
limit 1;

-- name: create_connection :exec
-- Connects a company through an account.
insert into outbound.connections (
  company_id, id, capability, provider, account_id, status, credential, hook_token, hook_hmac
)
values (
  %(company_id)s, %(id)s, %(capability)s, %(provider)s, %(account_id)s, 'connected', %(credential)s,
  %(hook_token)s, %(hook_hmac)s
);

-- name: reconnect :exec
-- Gives a connection that was lost a new key.
update outbound.connections as k
set
  status = 'connected',
  reason = null,
  closing_at = null,
  account_id = %(account_id)s,
  credential = %(credential)s
where k.id = %(id)s;

-- name: lock_connection :one
-- One connection, held until the transaction ends.
select
  k.id,
  k.company_id,
  k.capability,
  k.provider,
  k.account_id,
  k.environment,
  case when k.closing_at is null then k.status else 'disconnected' end as status
from outbound.connections as k
where k.id = %(id)s and k.deleted_at is null
for no key update of k;

-- name: disconnect :exec
-- Begins to close a connection: triggers pause its campaigns, the lane tells the provider, then the key is destroyed.
update outbound.connections as k
set closing_at = now()
where k.id = %(id)s and k.closing_at is null;

-- name: mark_entitlement :exec
-- Notes whether a capability is connected.
update outbound.entitlements as e
set status = %(status)s
where e.company_id = %(company_id)s and e.capability = %(capability)s and e.deleted_at is null;

-- name: get_connection :one
-- One connection as a partner sees it; never its key.
select
  json_build_object(
    'id', k.id, 'company_id', k.company_id, 'capability', k.capability, 'provider', k.provider, 'environment', k.environment,
    'status', case when k.closing_at is null then k.status else 'disconnected' end, 'reason', k.reason,
    'created_at', k.created_at, 'updated_at', k.updated_at
  )::text as body
from outbound.connections as k
where k.id = %(id)s and k.deleted_at is null;

-- name: list_connections :one
-- A page of connections, newest first.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    k.id,
    json_build_object(
      'id', k.id, 'company_id', k.company_id, 'capability', k.capability, 'provider', k.provider, 'environment', k.environment,
      'status', case when k.closing_at is null then k.status else 'disconnected' end, 'reason', k.reason,
      'created_at', k.created_at, 'updated_at', k.updated_at
    ) as document
  from outbound.connections as k
  where
    k.deleted_at is null
    and (%(company_id)s::uuid is null or k.company_id = %(company_id)s::uuid)
    and (%(before)s::uuid is null or k.id < %(before)s::uuid)
  order by k.id desc
  limit %(page_size)s + 1
) as p;

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

-- name: get_budget :one
-- How much of its account's budget is used; `limits` holds each provider's, by the minute and by the hour.
select
  json_build_object(
    'connection_id', k.id,
    'windows', json_build_array(
      json_build_object(
        'seconds', 60,
        'limit', (%(limits)s::jsonb -> k.provider ->> 'minute')::integer,
        'used', case when age.minutes = 0 then coalesce(a.used_by_minute[1], 0) else 0 end
      ),
      json_build_object(
        'seconds', 3600,
        'limit', nullif((%(limits)s::jsonb -> k.provider ->> 'hour')::integer, 0),
        'used', (select coalesce(sum(n), 0) from unnest(a.used_by_minute[1:greatest(61 - age.minutes, 0)]) as n)
      )
    ),
    'held_until', case when a.hold_until > clock_timestamp() then a.hold_until end
  )::text as body
from outbound.connections as k
inner join outbound.provider_accounts as a on k.org_id = a.org_id and k.account_id = a.id
cross join lateral (
  select (extract(epoch from date_trunc('minute', clock_timestamp()) - a.used_minute) / 60)::integer as minutes
) as age
where k.id = %(id)s and k.deleted_at is null;
