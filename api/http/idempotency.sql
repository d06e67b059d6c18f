-- name: wait_briefly :exec
-- For the next statement: another request that has locked the same key is waited for only briefly.
select set_config('lock_timeout', '100ms', true);

-- name: wait_no_longer :exec
-- Takes that back.
select set_config('lock_timeout', '0', true);

-- name: take_key :one
-- Takes a key for this transaction; no row when it was taken before. One older than a day is free again.
with old as (
  delete from outbound.idempotency_keys as k
  where
    k.credential_id = %(credential_id)s and k.method = %(method)s and k.path = %(path)s and k.key = %(key)s
    and k.created_at < now() - interval '24 hours'
  returning k.id
)

insert into outbound.idempotency_keys as k (credential_id, method, path, key, request_sha256)
select
  %(credential_id)s,
  %(method)s,
  %(path)s,
  %(key)s,
  %(sha256)s
-- Always true. Postgres runs CTEs in any order; reading this one here has it delete the old row before the new one is
-- put, which would otherwise meet it as a conflict.
where (select count(*) from old) >= 0
on conflict (org_id, company_id, credential_id, method, path, key) do nothing
returning k.id;

-- name: answered :one
-- The request and the answer under a key.
select
  k.id,
  k.request_sha256,
  k.status_code,
  k.answer
from outbound.idempotency_keys as k
where
  k.credential_id = %(credential_id)s and k.method = %(method)s and k.path = %(path)s and k.key = %(key)s
  and k.answer is not null and k.created_at > now() - interval '24 hours';

-- name: keep :exec
-- Keeps the answer of a write that was done.
update outbound.idempotency_keys as k
set
  status_code = %(status_code)s,
  answer = %(answer)s
where k.id = %(id)s;

-- name: note_write :exec
-- Puts a write on record.
select ctx.note_write(%(action)s, %(target)s::jsonb, %(request_id)s, %(credential_id)s);
