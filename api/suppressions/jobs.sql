-- name: mark_suppressed :one
-- Marks the next of those whom new entries cover; 0 when all is done.
select outbound.mark_suppressed(%(batch)s) as marked;
