-- name: accept_webhooks :one
-- Stores raw bodies of one connection and queues their reading, in one statement; how many were not stored before.
select ctx.accept_webhooks(%(id)s::uuid[], %(sha256)s::bytea[], %(body)s::bytea[]) as stored;
