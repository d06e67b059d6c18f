-- name: plan_polls :exec
-- Has campaigns that have begun to send polled for the first time after a while.
update outbound.campaign_bindings as b
set poll_at = now() + make_interval(secs => %(every)s)
from outbound.connections as k
where
  k.account_id = %(account_id)s and k.status = 'connected' and k.deleted_at is null
  and b.company_id = k.company_id and b.connection_id = k.id
  and b.external_id is not null and b.remote_status = 'active' and b.poll_at is null;

-- name: forget_polls :exec
-- No campaign of the account is polled any more: no lane need be woken for it.
update outbound.campaign_bindings as b
set poll_at = null
from outbound.connections as k
where
  k.account_id = %(account_id)s and b.company_id = k.company_id and b.connection_id = k.id and b.poll_at is not null;

-- name: campaigns_to_poll :many
-- Campaigns of an account that are due to be polled, the longest waiting first; every fourth time their webhook too,
-- and now and then their facts although no figure has moved.
select
  c.id,
  c.company_id,
  k.id as connection_id,
  k.hook_token,
  b.external_id,
  b.figures,
  coalesce(b.read_at, c.started_at, c.created_at) as since,
  coalesce(b.hook_checked_at < now() - make_interval(secs => 3.5 * %(every)s), true) as check_hook,
  %(read_every)s > 0
  and coalesce(b.read_at < now() - make_interval(secs => (%(read_every)s - 0.5) * %(every)s), true) as look
from outbound.connections as k
inner join outbound.campaign_bindings as b on k.company_id = b.company_id and k.id = b.connection_id
inner join outbound.campaigns as c on b.company_id = c.company_id and b.campaign_id = c.id
where
  k.account_id = %(account_id)s and k.status = 'connected' and k.closing_at is null and k.deleted_at is null
  and b.external_id is not null and b.poll_at <= now() and c.deleted_at is null
order by b.poll_at
limit 20;

-- name: note_polled :exec
-- Remembers what a campaign's figures were; null, they could not be had. One that rests, and in which nothing happens,
-- is polled less and less, and one that is gone once a day.
update outbound.campaign_bindings as b
set
  polled_at = now(),
  read_at = case when %(read)s then now() else b.read_at end,
  poll_at = now() + case
    when %(figures)s::jsonb is null then interval '1 day'
    when b.remote_status = 'active' or b.figures is distinct from %(figures)s::jsonb
      then make_interval(secs => %(every)s)
    else least(greatest(now() - coalesce(b.polled_at, now()), make_interval(secs => %(every)s)) * 2, interval '1 day')
  end,
  figures = coalesce(%(figures)s::jsonb, b.figures)
where b.company_id = %(company_id)s and b.campaign_id = %(id)s;

-- name: note_hook :exec
-- Remembers how a campaign's webhook was found; what was found wrong is mended by then. Of a connection the worst
-- shows.
with noted as (
  update outbound.campaign_bindings as b
  set
    hook_state = %(state)s,
    hook_checked_at = now()
  where b.company_id = %(company_id)s and b.campaign_id = %(id)s
)

update outbound.connections as k
set
  hook_checked_at = now(),
  hook_state = coalesce(
    nullif(%(state)s, 'working'),
    (
      select min(b.hook_state)
      from outbound.campaign_bindings as b
      where
        b.company_id = k.company_id and b.connection_id = k.id and b.campaign_id <> %(id)s
        and b.hook_state in ('missing', 'disabled')
    ),
    'working'
  )
where k.id = %(connection_id)s;

-- name: note_missed :exec
-- A poll has shown facts that no webhook brought: the webhook is there, and silent.
update outbound.connections as k
set
  hook_state = 'silent',
  missed_at = now()
where k.id = %(connection_id)s;
