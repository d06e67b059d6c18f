-- name: create_user :one
-- Invites a person. No row when somebody of the same company, or of the organization itself, has the address.
insert into outbound.users as u (company_id, kind, role, name, email, metadata)
select
  %(company_id)s::uuid,
  'person',
  %(role)s,
  %(name)s,
  %(email)s,
  %(metadata)s::jsonb
where
  %(company_id)s::uuid is null
  or exists (
    select from outbound.companies as c
    where c.id = %(company_id)s::uuid and c.deleted_at is null
  )
on conflict (org_id, company_id, email_normalized) where deleted_at is null and kind = 'person' do nothing
returning u.id;

-- name: company_exists :one
-- Whether a company is the caller's and not deleted.
select c.id
from outbound.companies as c
where c.id = %(company_id)s and c.deleted_at is null;

-- name: user_by_email :one
-- Whoever the caller can see under an address, in one company, or anywhere where `company_id` is null.
select
  u.id,
  u.status,
  u.role
from outbound.users as u
where
  u.email_normalized = outbound.normalize_email(%(email)s) and u.kind = 'person' and u.deleted_at is null
  and (%(company_id)s::uuid is null or u.company_id = %(company_id)s::uuid)
order by u.status
limit 1;

-- name: get_user :one
-- One user as the API shows them.
select
  outbound.user_document(
    u.id, u.company_id, u.kind, u.role, u.status, u.name, u.email, u.metadata, u.created_at, u.updated_at
  )::text as body
from outbound.users as u
where u.id = %(id)s and u.deleted_at is null;

-- name: lock_user :one
-- One user, held until the transaction ends.
select
  u.id,
  u.company_id,
  u.kind,
  u.role,
  u.status,
  outbound.user_document(
    u.id, u.company_id, u.kind, u.role, u.status, u.name, u.email, u.metadata, u.created_at, u.updated_at
  )::text as body
from outbound.users as u
where u.id = %(id)s and u.deleted_at is null
for no key update of u;

-- name: list_users :one
-- A page of users, newest first.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    u.id,
    outbound.user_document(
      u.id, u.company_id, u.kind, u.role, u.status, u.name, u.email, u.metadata, u.created_at, u.updated_at
    ) as document
  from outbound.users as u
  where
    u.deleted_at is null
    and (%(company_id)s::uuid is null or u.company_id = %(company_id)s::uuid)
    and (%(kind)s::text is null or u.kind = %(kind)s::text)
    and (%(before)s::uuid is null or u.id < %(before)s::uuid)
  order by u.id desc
  limit %(page_size)s + 1
) as p;

-- name: update_user :exec
-- Changes what is given; the credentials follow.
update outbound.users as u
set
  name = coalesce(%(name)s, u.name),
  role = coalesce(%(role)s, u.role),
  status = coalesce(%(status)s, u.status),
  metadata = coalesce(jsonb_strip_nulls(u.metadata || %(metadata)s::jsonb), u.metadata)
where u.id = %(id)s;

-- name: delete_user :exec
-- Takes a user away; their tokens and sessions are refused from the next request on.
update outbound.users as u
set deleted_at = now()
where u.id = %(id)s;

-- name: new_link :one
-- Makes the one link by which a person sets a password.
select ctx.new_link(%(id)s, %(hmac)s, %(expires_at)s) as made;

-- name: end_sessions :exec
-- Ends every session of a user.
update outbound.sessions as s
set
  revoked_at = now(),
  revoked_reason = 'admin'
where s.user_id = %(id)s and s.revoked_at is null;
