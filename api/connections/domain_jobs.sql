-- name: domains_due :many
-- Domains that an account's mailboxes send from, and that were not looked up for a day.
select split_part(s.address, '@', 2) as domain
from outbound.connections as k
inner join outbound.sender_bindings as sb
  on k.org_id = sb.org_id and k.company_id = sb.company_id and k.id = sb.connection_id
inner join outbound.senders as s
  on sb.org_id = s.org_id and sb.company_id = s.company_id and sb.sender_id = s.id
where
  k.account_id = %(account_id)s and k.status = 'connected' and k.deleted_at is null
  and s.status = 'active' and s.deleted_at is null and s.address like '%%@%%.%%'
  and (s.domain_checked_at is null or s.domain_checked_at < now() - interval '1 day')
group by split_part(s.address, '@', 2)
order by min(s.domain_checked_at) asc nulls first
limit 10;

-- name: note_domain :exec
-- Writes what the DNS says of a domain to all mailboxes of an account that send from it.
update outbound.senders as s
set
  domain_auth = %(auth)s::jsonb,
  domain_checked_at = now()
from outbound.connections as k
inner join outbound.sender_bindings as sb
  on k.org_id = sb.org_id and k.company_id = sb.company_id and k.id = sb.connection_id
where
  k.account_id = %(account_id)s and k.deleted_at is null
  and s.org_id = sb.org_id and s.company_id = sb.company_id and s.id = sb.sender_id
  and split_part(s.address, '@', 2) = %(domain)s and s.deleted_at is null;
