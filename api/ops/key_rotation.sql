-- name: sealed_connections :many
-- The secrets of connections, page by page.
select
  k.id,
  k.credential,
  k.hook_token
from outbound.connections as k
where k.id > %(after)s
order by k.id
limit %(amount)s;

-- name: reseal_connection :exec
-- Puts the same secrets back under another key, unless they were changed meanwhile.
update outbound.connections as k
set
  credential = %(fresh_credential)s,
  hook_token = %(fresh_hook_token)s
where
  k.id = %(id)s and k.hook_token = %(hook_token)s
  and k.credential is not distinct from %(credential)s::bytea;

-- name: sealed_webhooks :many
-- Stored webhook bodies, page by page.
select
  w.id,
  w.body
from outbound.inbound_webhooks as w
where w.id > %(after)s
order by w.id
limit %(amount)s;

-- name: reseal_webhook :exec
-- Puts the same body back under another key.
update outbound.inbound_webhooks as w
set body = %(fresh)s
where w.id = %(id)s and w.body = %(body)s;

-- name: sealed_chunks :many
-- Pieces of lists that are being read, page by page.
select
  c.id,
  c.body
from outbound.import_chunks as c
where c.id > %(after)s
order by c.id
limit %(amount)s;

-- name: reseal_chunk :exec
-- Puts the same piece back under another key.
update outbound.import_chunks as c
set body = %(fresh)s
where c.id = %(id)s and c.body = %(body)s;

-- name: sealed_results :many
-- Results of lists, page by page.
select
  r.id,
  r.body
from outbound.import_results as r
where r.id > %(after)s
order by r.id
limit %(amount)s;

-- name: reseal_results :exec
-- Puts the same results back under another key.
update outbound.import_results as r
set body = %(fresh)s
where r.id = %(id)s and r.body = %(body)s;

-- name: key_states :many
-- The keys that the database holds, without the keys.
select
  k.kind,
  k.kid,
  k.created_at,
  k.retired_at
from ctx.keys as k
order by k.kind, k.created_at;

-- name: add_key :exec
-- Adds a key; the newest context key signs from the next transaction on.
insert into ctx.keys (kind, kid, inner_pad, outer_pad)
values (%(kind)s, %(kid)s, %(inner_pad)s, %(outer_pad)s);

-- name: retire_keys :many
-- Ends every key of a kind but these.
update ctx.keys as k
set retired_at = now()
where k.kind = %(kind)s and k.kid <> all(%(kept)s::text[]) and k.retired_at is null
returning k.kid;
