-- name: beyond_caller :one
-- Why the caller may not act on a user of a role and scopes; null where nothing is against it.
select ctx.beyond_caller(%(role)s, %(scopes)s::text[], %(ends)s::timestamptz, %(person)s::uuid) as code;
