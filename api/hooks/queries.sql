-- name: accept_webhook :one
-- Stores the raw body and queues its reading, in one statement; false when this body was stored before.
select ctx.accept_webhook(%(id)s, %(sha256)s, %(body)s) as stored;
