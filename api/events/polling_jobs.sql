-- name: forget_polls :exec
-- Nothing is polled as long as it is switched off: looked at again in a day.
update outbound.campaign_bindings as b
set poll_at = now() + interval '1 day'
from outbound.connections as k
where
  k.account_id = %(account_id)s and b.company_id = k.company_id and b.connection_id = k.id
  and b.poll_at <= now();

-- name: campaigns_to_poll :many
-- Campaigns of an account that are due to be polled: first those that others have kept waiting for long, then those in
-- which something has moved lately; every fourth time their webhook too, and now and then their facts although no figure
-- has moved.
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
order by
  b.poll_at > now() - make_interval(secs => 4 * %(every)s),
  coalesce(b.moved_at < now() - interval '1 day', true),
  b.poll_at
limit 20;

-- name: note_polled :exec
-- Remembers what a campaign's figures were; null, they could not be had. One that rests, and in which nothing happens,
-- is polled less and less, and one that is gone once a day.
update outbound.campaign_bindings as b
set
  polled_at = now(),
  read_at = coalesce(%(read_at)s::timestamptz, b.read_at),
  poll_at = now() + case
    when %(figures)s::jsonb is null then interval '1 day'
    when b.remote_status = 'active' or b.figures is distinct from %(figures)s::jsonb
      then make_interval(secs => %(every)s)
    else least(greatest(now() - coalesce(b.polled_at, now()), make_interval(secs => %(every)s)) * 2, interval '1 day')
  end,
  moved_at = case when b.figures is distinct from %(figures)s::jsonb then now() else b.moved_at end,
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

-- name: reading :one
-- Where the reading of an account's lists goes on.
select a.reading
from outbound.provider_accounts as a
where a.id = %(account_id)s;

-- name: note_place :exec
-- Remembers where the reading of a list goes on.
update outbound.provider_accounts as a
set reading = a.reading || jsonb_build_object(%(name)s::text, %(place)s::jsonb)
where a.id = %(account_id)s;

-- name: begin_reading :one
-- Begins a reading: for which campaigns, since when and when. Of an earlier one that was given up nothing is gone on with,
-- but for the lists of which only the ends are read, as long as they were read lately.
update outbound.provider_accounts as a
set
  reading = jsonb_build_object('round', %(round)s::jsonb) || (
    select coalesce(jsonb_object_agg(r.key, r.value), '{}'::jsonb)
    from jsonb_each(a.reading) as r
    where
      r.key <> 'round' and r.value ->> 1 ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'
      and r.value ->> 1 > to_char(now() - interval '3 days', 'YYYY-MM-DD')
  )
where a.id = %(account_id)s
returning a.reading - 'round' as reading;

-- name: forget_places :exec
-- Forgets how far the lists of a reading were read.
update outbound.provider_accounts as a
set reading = jsonb_build_object('round', a.reading -> 'round')
where a.id = %(account_id)s;

-- name: end_reading :exec
-- Ends a reading: of lists that were read as far as it needed them nothing is kept.
update outbound.provider_accounts as a
set
  reading = (
    select coalesce(jsonb_object_agg(r.key, r.value), '{}'::jsonb)
    from jsonb_each(a.reading) as r
    where r.key <> 'round' and r.value ->> 0 is not null
  )
where a.id = %(account_id)s;
