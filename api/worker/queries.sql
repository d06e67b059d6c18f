-- name: open_lane :one
-- The account of a lane and one connection that still holds its key; no row when nothing is connected any more.
select
  a.provider,
  k.environment,
  k.id as connection_id,
  k.credential,
  greatest(extract(epoch from a.paused_until - clock_timestamp()), 0)::float8 as paused_seconds
from outbound.provider_accounts as a
inner join outbound.connections as k on a.id = k.account_id
where a.id = %(account_id)s and a.deleted_at is null and k.status = 'connected' and k.deleted_at is null
order by k.id
limit 1;

-- name: take_budget :one
-- Takes one request from the account's budget and tells how long to wait for it, and how old the worker's heartbeat is.
-- Where the hour is used up nothing is taken, and `spent_seconds` says when some of it comes back.
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

taken as (
  update outbound.provider_accounts as a
  set
    budget_at = greatest(a.budget_at, clock_timestamp() - make_interval(secs => %(interval)s::float8 + %(late)s::float8))
    + make_interval(secs => %(interval)s),
    used_by_minute = array[r.used[1] + 1] || r.used[2:61],
    used_minute = date_trunc('minute', clock_timestamp())
  from room as r
  where a.id = r.id and r.spent_minutes = 0
  returning a.budget_at
)

select
  greatest(extract(epoch from taken.budget_at - clock_timestamp()), 0)::float8 as wait_seconds,
  case
    when room.spent_minutes > 0 then extract(
      epoch from date_trunc('minute', clock_timestamp()) + make_interval(mins => room.spent_minutes) - clock_timestamp()
    )::float8
  end as spent_seconds,
  (
    select extract(epoch from clock_timestamp() - w.last_heartbeat)::float8
    from jobs.procrastinate_jobs as j
    inner join jobs.procrastinate_workers as w on j.worker_id = w.id
    where j.id = %(job_id)s and j.status = 'doing'
  ) as heartbeat_age
from room
left join taken on true;

-- name: heartbeat_age :one
-- How many seconds ago the worker that holds a job was last known to live; no row when the job was taken from it.
select extract(epoch from clock_timestamp() - w.last_heartbeat)::float8 as heartbeat_age
from jobs.procrastinate_jobs as j
inner join jobs.procrastinate_workers as w on j.worker_id = w.id
where j.id = %(job_id)s and j.status = 'doing';

-- name: pause_account :exec
-- The provider answered that we must wait: nothing is sent to this account before then.
update outbound.provider_accounts as a
set paused_until = clock_timestamp() + make_interval(secs => %(seconds)s)
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

-- name: enqueue :exec
-- Queues a lane of this organization, at once or later. Always the last statement.
select jobs.enqueue(
  %(task)s, %(subject)s,
  case when %(delay)s::float8 > 0 then clock_timestamp() + make_interval(secs => %(delay)s::float8) end
);

-- name: due_work :many
-- Every lane that has something due and no job.
select
  d.org_id,
  d.task,
  d.subject
from ctx.due_work() as d;

-- name: tidy :one
-- Deletes what has expired, and returns how many rows that were.
select ctx.tidy() as tidied;

-- name: rescue :one
-- Gives back the jobs of workers that have not been heard of, and those that this worker holds without running them.
select jobs.rescue(%(stall_seconds)s, %(forgotten)s::bigint[]) as rescued;

-- name: jobs_of_worker :many
-- The jobs that the queue believes a worker to be running.
select j.id
from jobs.procrastinate_jobs as j
where j.worker_id = %(worker_id)s and j.status = 'doing';
