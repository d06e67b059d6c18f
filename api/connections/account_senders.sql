-- name: get_account_sender :one
-- One sender of an account as a partner sees it, and the company's own sender that was made from it.
select outbound.account_sender_document(acs, sb.sender_id, a.provider, a.shared_at)::text as body
from outbound.account_senders as acs
inner join outbound.provider_accounts as a on acs.org_id = a.org_id and acs.account_id = a.id
left join outbound.connections as k
  on acs.org_id = k.org_id and acs.assigned_to = k.company_id and acs.account_id = k.account_id and k.deleted_at is null
left join outbound.sender_bindings as sb
  on
    k.org_id = sb.org_id and k.company_id = sb.company_id and k.id = sb.connection_id
    and acs.external_id = sb.external_id
where acs.id = %(id)s and acs.deleted_at is null;

-- name: list_account_senders :one
-- A page of the organization's accounts' senders, newest first.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    acs.id,
    outbound.account_sender_document(acs, sb.sender_id, a.provider, a.shared_at) as document
  from outbound.account_senders as acs
  inner join outbound.provider_accounts as a on acs.org_id = a.org_id and acs.account_id = a.id
  left join outbound.connections as k
    on
      acs.org_id = k.org_id and acs.assigned_to = k.company_id and acs.account_id = k.account_id
      and k.deleted_at is null
  left join outbound.sender_bindings as sb
    on
      k.org_id = sb.org_id and k.company_id = sb.company_id and k.id = sb.connection_id
      and acs.external_id = sb.external_id
  where
    acs.deleted_at is null
    and (%(company_id)s::uuid is null or acs.assigned_to = %(company_id)s::uuid)
    and (%(assigned)s::boolean is null or (acs.assigned_to is not null) = %(assigned)s::boolean)
    and (%(before)s::uuid is null or acs.id < %(before)s::uuid)
  order by acs.id desc
  limit %(page_size)s + 1
) as p;

-- name: lock_account_of_sender :one
-- The account of a sender, locked before its senders and the campaigns of its companies.
select a.id
from outbound.account_senders as s
inner join outbound.provider_accounts as a on s.org_id = a.org_id and s.account_id = a.id
where s.id = %(id)s and s.deleted_at is null
for no key update of a;

-- name: lock_account_sender :one
-- One sender of an account, held until the transaction ends.
select
  s.id,
  s.account_id,
  s.external_id,
  s.assigned_to
from outbound.account_senders as s
where s.id = %(id)s and s.deleted_at is null
for no key update;

-- name: company_on_account :one
-- Whether a company is the caller's, and whether it is connected through an account.
select
  c.id,
  k.id is not null as is_connected
from outbound.companies as c
left join outbound.connections as k
  on c.org_id = k.org_id and c.id = k.company_id and k.account_id = %(account_id)s
  and k.closing_at is null and k.deleted_at is null
where c.id = %(company_id)s and c.deleted_at is null;

-- name: assign :exec
-- Says whose a sender is; nobody's where no company is named.
update outbound.account_senders as s
set
  assigned_to = %(company_id)s,
  decided_at = now()
where s.id = %(id)s;

-- name: take_away :exec
-- Takes a sender from the company that has it: out of its campaigns, which are then put right at the provider.
with taken as (
  update outbound.senders as s
  set deleted_at = now()
  from outbound.sender_bindings as b
  inner join outbound.connections as k
    on b.org_id = k.org_id and b.company_id = k.company_id and b.connection_id = k.id
  where
    k.account_id = %(account_id)s and k.company_id = %(assigned_to)s and b.external_id = %(external_id)s
    and s.company_id = b.company_id and s.id = b.sender_id and s.deleted_at is null
  returning s.company_id, s.id
),

-- Should it come back one day, it is another sender.
unbound as (
  delete from outbound.sender_bindings as b
  using outbound.connections as k
  where
    k.account_id = %(account_id)s and k.company_id = %(assigned_to)s and b.external_id = %(external_id)s
    and b.org_id = k.org_id and b.company_id = k.company_id and b.connection_id = k.id
),

unlinked as (
  delete from outbound.campaign_senders as cs
  using taken
  where cs.company_id = taken.company_id and cs.sender_id = taken.id
  returning cs.company_id, cs.campaign_id
)

update outbound.campaigns as c
set
  revision = c.revision + 1,
  sync_error = null
from unlinked as u
where c.company_id = u.company_id and c.id = u.campaign_id and c.deleted_at is null;
