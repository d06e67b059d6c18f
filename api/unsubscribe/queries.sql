-- name: unsubscribe :exec
-- Lists the person of a link as unsubscribed, on every channel, in one transaction.
select ctx.unsubscribe(%(ticket)s);
