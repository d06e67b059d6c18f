-- name: owners :many
-- Whose companies are seen: the caller's own, and no others.
select
  c.org_id,
  c.id
from outbound.companies as c;

-- name: nap :exec
-- A statement long enough to be cancelled in.
select pg_sleep(0.01);

-- name: short_timeout :exec
-- Makes the nap run into a timeout.
select set_config('statement_timeout', '3', true);

-- name: session_setting :exec
-- A mistake that a request might make: a setting for the whole session, here of the organization's id.
select set_config('app.org_id', '00000000-0000-0000-0000-000000000000', false);

-- name: signature :one
-- What a connection still carries of a context.
select nullif(current_setting('app.signature', true), '') as signature;

-- name: owners_document :one
-- The same as one document, for the read that goes in one flush.
select coalesce(jsonb_agg(jsonb_build_object('org_id', c.org_id, 'id', c.id)), '[]')::text as body
from outbound.companies as c;
