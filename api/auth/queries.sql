-- name: begin_login :one
-- Counts the try, and hands out what to compare the password with.
select
  l.wait_seconds,
  l.org_id,
  l.user_id,
  l.password_hash
from ctx.begin_login(%(ticket)s) as l;

-- name: finish_login :one
-- Opens a session; SQLSTATE 28000 when the person is no longer who they were.
select
  l.session_id,
  l.company_id,
  l.role
from ctx.finish_login(%(ticket)s) as l;

-- name: refresh_session :one
-- Exchanges a refresh token for its child, or ends the session of one that was used before.
select
  r.outcome,
  r.org_id,
  r.session_id,
  r.user_id,
  r.company_id,
  r.role
from ctx.refresh_session(%(ticket)s) as r;

-- name: link_lives :one
-- Whether a link is good still.
select ctx.link_lives(%(ticket)s) as lives;

-- name: use_link :one
-- Sets the password of the person a link was made for; false when the link is not good any more.
select ctx.use_link(%(ticket)s) as used;

-- name: end_session :exec
-- Ends the caller's session.
update outbound.sessions as s
set
  revoked_at = now(),
  revoked_reason = 'logout'
where s.id = %(id)s and s.revoked_at is null;

-- name: end_all_sessions :exec
-- Ends every session of the caller's user.
update outbound.sessions as s
set
  revoked_at = now(),
  revoked_reason = 'logout_everywhere'
where s.user_id = %(user_id)s and s.revoked_at is null;

-- name: credential_end :one
-- When the caller's own API token or session ends; null where a token has no end.
select
  coalesce(
    (
      select t.expires_at
      from outbound.api_tokens as t
      where t.id = %(id)s
    ),
    (
      select s.expires_at
      from outbound.sessions as s
      where s.id = %(id)s
    )
  ) as expires_at;
