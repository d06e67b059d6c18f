-- name: create_organization :one
-- A tenant, made by the migrator, whom no fence binds.
insert into outbound.organizations (name, slug)
values (%(name)s, %(slug)s)
returning id;

-- name: create_org_token :exec
-- The organization's first token, held by a service user of its own.
with person as (
  insert into outbound.users (org_id, kind, role, name)
  values (%(org_id)s, 'service', 'org_admin', 'first token')
  returning id
)

insert into outbound.api_tokens (org_id, user_id, tier, name, hmac, last_four)
select
  %(org_id)s,
  person.id,
  'org',
  'first token',
  %(hmac)s,
  %(last_four)s
from person;
