-- name: list_capabilities :one
-- What a company is entitled to and how it stands, without naming the provider.
select
  json_build_object(
    'data', coalesce(
      json_agg(
        json_build_object(
          'capability', e.capability, 'title', c.title, 'status', e.status,
          'features', outbound.features_of(e.company_id, e.capability)
        )
        order by e.capability
      ),
      '[]'::json
    ),
    'next_cursor', null
  )::text as body
from outbound.entitlements as e
inner join outbound.capabilities as c on e.capability = c.key
where
  e.company_id = coalesce(%(company_id)s::uuid, nullif(current_setting('app.company_id', true), '')::uuid)
  and e.deleted_at is null;
