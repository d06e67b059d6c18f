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

-- name: lock_tenants :one
-- The caller's organization and a company of it, neither of which is suspended or deleted until the transaction ends.
select c.status
from outbound.organizations as o
inner join outbound.companies as c on o.id = c.org_id
where c.id = %(company_id)s and c.deleted_at is null
for share of o, c;

-- name: provider_exists :one
-- Whether we work with a provider.
select p.key
from outbound.providers as p
where p.key = %(provider)s;

-- name: connection_of_capability :one
-- The live connection of a company for a capability. Whoever asks has locked the entitlement, as all who change it do.
select
  k.id,
  k.account_id,
  case when k.closing_at is null then k.status else 'disconnected' end as status
from outbound.connections as k
where k.company_id = %(company_id)s and k.capability = %(capability)s and k.deleted_at is null;

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

-- name: follow_account :exec
-- Notes which account a connection had before it was given another key.
update outbound.provider_accounts as a
set follows = %(before)s
where a.id = %(account_id)s and a.follows is null and a.id <> %(before)s;

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

-- name: tenant_of_connection :one
-- Whose a connection is, and for what: what is locked before it.
select
  k.company_id,
  k.capability
from outbound.connections as k
where k.id = %(id)s and k.deleted_at is null;

-- name: lock_entitlement :exec
-- The entitlement behind a connection, locked before it until the transaction ends.
select from outbound.entitlements as e
where e.company_id = %(company_id)s and e.capability = %(capability)s and e.deleted_at is null
for no key update;

-- name: connection_to_rotate :one
-- One connection whose entitlement is locked. It is locked itself after the account of its new key.
select
  k.id,
  k.company_id,
  k.capability,
  k.provider,
  k.environment,
  case when k.closing_at is null then k.status else 'disconnected' end as status
from outbound.connections as k
where k.id = %(id)s and k.deleted_at is null;

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

-- name: look_at_block_list :exec
-- Has the account's own block list compared with our lists.
update outbound.provider_accounts as a
set block_list_due = true
where a.id = %(account_id)s;

-- name: mark_entitlement :exec
-- Notes whether a capability is connected.
update outbound.entitlements as e
set status = %(status)s
where e.company_id = %(company_id)s and e.capability = %(capability)s and e.deleted_at is null;

-- name: get_connection :one
-- One connection as a partner sees it; never its key.
select
  outbound.connection_document(
    k.id, k.company_id, k.capability, k.provider, k.environment, k.status, k.reason, k.closing_at, a.shared_at, k.weight,
    k.hook_state, k.hook_checked_at, k.missed_at, k.created_at, k.updated_at
  )::text as body
from outbound.connections as k
inner join outbound.provider_accounts as a on k.org_id = a.org_id and k.account_id = a.id
where k.id = %(id)s and k.deleted_at is null;

-- name: set_weight :exec
-- A company's part of what a shared account may be sent, beside the others'.
update outbound.connections as k
set weight = %(weight)s
where k.id = %(id)s;

-- name: list_connections :one
-- A page of connections, newest first.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    k.id,
    outbound.connection_document(
      k.id, k.company_id, k.capability, k.provider, k.environment, k.status, k.reason, k.closing_at, a.shared_at, k.weight,
      k.hook_state, k.hook_checked_at, k.missed_at, k.created_at, k.updated_at
    ) as document
  from outbound.connections as k
  inner join outbound.provider_accounts as a on k.org_id = a.org_id and k.account_id = a.id
  where
    k.deleted_at is null
    and (%(company_id)s::uuid is null or k.company_id = %(company_id)s::uuid)
    and (%(before)s::uuid is null or k.id < %(before)s::uuid)
  order by k.id desc
  limit %(page_size)s + 1
) as p;

-- name: get_budget :one
-- How much of its account's budget is used; `limits` holds each provider's, by the minute and by the hour.
select
  json_build_object(
    'connection_id', k.id,
    'windows', json_build_array(
      -- Requests are evenly spaced, so a window this short is never full and nothing of it is counted.
      json_build_object(
        'seconds', (%(limits)s::jsonb -> k.provider ->> 'burst_seconds')::float8,
        'limit', nullif((%(limits)s::jsonb -> k.provider ->> 'burst')::integer, 0),
        'used', null
      ),
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
    'held_until', case when a.paused_until > clock_timestamp() then a.paused_until end
  )::text as body
from outbound.connections as k
inner join outbound.provider_accounts as a on k.org_id = a.org_id and k.account_id = a.id
cross join lateral (
  select (extract(epoch from date_trunc('minute', clock_timestamp()) - a.used_minute) / 60)::integer as minutes
) as age
where k.id = %(id)s and k.deleted_at is null;
