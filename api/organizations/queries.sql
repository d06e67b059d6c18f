-- name: get_organization :one
-- The context's organization as the API shows it.
select outbound.organization_document(o)::text as body
from outbound.organizations as o
where o.deleted_at is null;

-- name: lock_organization :one
-- The same, locked until the transaction ends.
select outbound.organization_document(o)::text as body
from outbound.organizations as o
where o.deleted_at is null
for no key update;

-- name: update_organization :exec
-- Changes what is given. Metadata is merged; a key that is given as null goes.
update outbound.organizations as o
set
  name = coalesce(%(name)s, o.name),
  require_postal_address = coalesce(%(require_postal_address)s, o.require_postal_address),
  metadata = coalesce(jsonb_strip_nulls(o.metadata || %(metadata)s::jsonb), o.metadata)
where o.deleted_at is null;

-- name: list_providers :one
-- Every provider, and which of them this version can connect.
select
  json_build_object(
    'data', json_agg(
      json_build_object(
        'key', p.key, 'title', p.title, 'capability', p.capability, 'available', p.key = any(%(available)s::text[])
      )
      order by p.capability, p.key
    ),
    'next_cursor', null
  )::text as body
from outbound.providers as p;
