-- name: list_tenants :many
-- Which organizations there are, newest first; each is then opened by itself.
select t.org_id
from ctx.list_tenants(%(before)s::uuid, %(amount)s) as t;

-- name: create_organization :exec
-- Adds the organization that the context is open for.
insert into outbound.organizations (id, name, slug, metadata, sandbox)
values (%(id)s, %(name)s, %(slug)s, %(metadata)s::jsonb, %(sandbox)s);

-- name: get_organization :one
-- The organization that the context is open for.
select
  o.id,
  o.status,
  outbound.organization_document(o)::text as body
from outbound.organizations as o
where o.deleted_at is null;

-- name: update_organization :exec
-- Changes what is given. Triggers pause campaigns and close credentials when the status goes.
update outbound.organizations as o
set
  name = coalesce(%(name)s, o.name),
  slug = coalesce(%(slug)s, o.slug),
  metadata = coalesce(jsonb_strip_nulls(o.metadata || %(metadata)s::jsonb), o.metadata),
  status = coalesce(%(status)s, o.status)
where o.deleted_at is null;

-- name: create_org_token :one
-- Makes a service user and a token that speaks for the organization.
with person as (
  insert into outbound.users (kind, role, name)
  values ('service', 'org_admin', %(name)s)
  returning id
)

insert into outbound.api_tokens as t (user_id, tier, name, hmac, last_four)
select
  p.id,
  'org',
  %(name)s,
  %(hmac)s,
  %(last_four)s
from person as p
returning t.id, t.name, t.last_four;

-- name: create_platform_token :one
-- Makes a token for the operator.
insert into outbound.platform_tokens as t (name, hmac, last_four, expires_at)
values (%(name)s, %(hmac)s, %(last_four)s, %(expires_at)s)
returning t.id;

-- name: list_platform_tokens :many
-- The operator's tokens, newest first, without their secrets.
select
  t.id,
  t.name,
  t.last_four,
  t.expires_at,
  t.revoked_at,
  t.created_at
from outbound.platform_tokens as t
order by t.id desc;

-- name: revoke_platform_token :one
-- Ends one of the operator's tokens.
update outbound.platform_tokens as t
set revoked_at = coalesce(t.revoked_at, now())
where t.id = %(id)s
returning t.id;

-- name: stop :one
-- Pauses all that runs in the open organization, or in one of its companies.
select ctx.stop(%(company_id)s::uuid) as paused;

-- name: note_write :exec
-- Puts a write on record in the open organization's log.
select ctx.note_write(%(action)s, %(target)s::jsonb, %(request_id)s, %(credential_id)s);
