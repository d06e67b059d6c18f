-- name: open_lane :one
-- The account of a lane and one connection that still holds its key; no row when nothing is connected any more.
select
  a.provider,
  k.environment,
  k.id as connection_id,
  k.credential,
  greatest(extract(epoch from a.paused_until - clock_timestamp()), 0)::float8 as paused_seconds,
  a.failures,
  exists(
    select from outbound.connections as o
    where
      o.account_id = a.id and o.status = 'connected' and o.deleted_at is null
      and o.senders_synced_at < now() - interval '1 hour'
  ) as senders_stale
from outbound.provider_accounts as a
inner join outbound.connections as k on a.id = k.account_id
where a.id = %(account_id)s and a.deleted_at is null and k.status = 'connected' and k.deleted_at is null
order by k.id
limit 1;

-- name: steps_of :many
-- What an account's lane has to do, step by step, and in how many seconds; one row without a step where there is nothing.
select
  s.step,
  s.due_in,
  s.wakes
from jobs.steps_of(%(account_id)s) as s;

-- name: take_budget :one
-- Takes one request from the account's budget and tells how long to wait for it, and how old the worker's heartbeat is.
-- Where that would be longer than `longest` seconds nothing is taken. Where the hour is used up nothing is taken either,
-- and `spent_seconds` says when some of it comes back.
-- The hour is a sliding window, counted minute by minute: `used_by_minute` holds the minute `used_minute` and the sixty
-- before it, the newest first. Moved on to this minute, what has passed since comes in as zeros, and what is older
-- falls out; `spent_minutes` is in how many minutes enough has fallen out. Inside the window requests are spaced by a
-- leaky bucket, the generic cell rate algorithm: `budget_at` is its theoretical arrival time, `late` the burst it
-- tolerates.
with moved as materialized (
  select
    a.id,
    (
      array_fill(
        0,
        array[
          greatest(
            least((extract(epoch from date_trunc('minute', clock_timestamp()) - a.used_minute) / 60)::integer, 61), 0
          )
        ]
      ) || a.used_by_minute || array_fill(0, array[61])
    )[1:61] as used
  from outbound.provider_accounts as a
  where a.id = %(account_id)s
  for no key update
),

room as materialized (
  select
    w.id,
    w.used,
    case
      when %(per_hour)s = 0 or (select sum(n) from unnest(w.used) as n) < %(per_hour)s then 0
      else (
        select min(minutes)
        from generate_series(1, 61) as minutes
        where (select coalesce(sum(n), 0) from unnest(w.used[1:61 - minutes]) as n) < %(per_hour)s
      )
    end as spent_minutes
  from moved as w
),

place as materialized (
  select
    r.id,
    r.used,
    r.spent_minutes,
    greatest(a.budget_at, clock_timestamp() - make_interval(secs => %(interval)s::float8 + %(late)s::float8))
    + make_interval(secs => %(interval)s) as moment
  from room as r
  inner join outbound.provider_accounts as a on r.id = a.id
),

taken as (
  update outbound.provider_accounts as a
  set
    budget_at = p.moment,
    used_by_minute = array[p.used[1] + 1] || p.used[2:61],
    used_minute = date_trunc('minute', clock_timestamp())
  from place as p
  where
    a.id = p.id and p.spent_minutes = 0
    and p.moment <= clock_timestamp() + make_interval(secs => greatest(%(longest)s, %(interval)s)::float8)
  returning a.id
)

select
  taken.id is not null as is_taken,
  greatest(extract(epoch from place.moment - clock_timestamp()), 0)::float8 as wait_seconds,
  case
    when place.spent_minutes > 0 then extract(
      epoch from date_trunc('minute', clock_timestamp()) + make_interval(mins => place.spent_minutes) - clock_timestamp()
    )::float8
  end as spent_seconds,
  (
    select extract(epoch from clock_timestamp() - w.last_heartbeat)::float8
    from jobs.procrastinate_jobs as j
    inner join jobs.procrastinate_workers as w on j.worker_id = w.id
    where j.id = %(job_id)s and j.status = 'doing'
  ) as heartbeat_age
from place
left join taken on true;

-- name: heartbeat_age :one
-- How many seconds ago the worker that holds a job was last known to live; no row when the job was taken from it.
select extract(epoch from clock_timestamp() - w.last_heartbeat)::float8 as heartbeat_age
from jobs.procrastinate_jobs as j
inner join jobs.procrastinate_workers as w on j.worker_id = w.id
where j.id = %(job_id)s and j.status = 'doing';

-- name: pause_account :exec
-- The provider answered that we must wait, or did not answer: nothing is sent to this account before then.
update outbound.provider_accounts as a
set
  paused_until = clock_timestamp() + make_interval(secs => %(seconds)s),
  failures = %(failures)s
where a.id = %(account_id)s;

-- name: account_answers :exec
-- An account that did not answer does again.
update outbound.provider_accounts as a
set failures = 0
where a.id = %(account_id)s;

-- name: lock_entitlements :exec
-- The entitlements of an account's companies, locked before their connections, as everywhere.
select from outbound.entitlements as e
where
  e.deleted_at is null and exists (
    select from outbound.connections as k
    where
      k.org_id = e.org_id and k.company_id = e.company_id and k.capability = e.capability
      and k.account_id = %(account_id)s and k.deleted_at is null
  )
order by e.id
for no key update of e;

-- name: lose_connections :exec
-- The provider refuses the key: nothing more is tried until a partner gives a new one.
with lost as (
  update outbound.connections as k
  set
    status = 'error',
    reason = 'credential_refused'
  where k.account_id = %(account_id)s and k.status = 'connected' and k.deleted_at is null
  returning k.company_id, k.capability
)

update outbound.entitlements as e
set status = 'disconnected'
from lost
where e.company_id = lost.company_id and e.capability = lost.capability and e.deleted_at is null;

-- name: settle :exec
-- Notes in how many seconds a lane is due again. Always the last statement.
select jobs.settle(%(task)s, %(subject)s, %(seconds)s::float8, %(seen)s::bigint);

-- name: sweep :one
-- Queues the lanes that are due, and returns how many those were and in how many seconds the next is.
select
  s.queued,
  s.next_in
from ctx.sweep(%(amount)s, %(patience)s) as s;

-- name: reconcile :one
-- Compares the lanes of some organizations with what is due, and mends them; null where the hour's round is over.
select ctx.reconcile(%(amount)s) as missing;

-- name: tidy :one
-- Deletes what has expired, and returns how many rows that were.
select ctx.tidy() as tidied;

-- name: rescue :one
-- Gives back the jobs of workers that have not been heard of, and those that this worker holds without running them.
select jobs.rescue(%(stall_seconds)s, %(forgotten)s::bigint[]) as rescued;

-- name: jobs_of_workers :many
-- The jobs that the queue believes workers to be running.
select j.id
from jobs.procrastinate_jobs as j
where j.worker_id = any(%(worker_ids)s::bigint[]) and j.status = 'doing';
