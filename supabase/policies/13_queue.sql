-- Work: it is queued inside the transaction of the change that needs it, as its last statement.

-- Lanes whose job does not come are looked at again after this time.
create or replace function jobs.patience() returns interval
language sql immutable
as $$ select interval '30 seconds' $$;

create or replace function jobs.refuse_unlisted(task text) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from jobs.due_tasks() as t where t.task = refuse_unlisted.task) then
    raise exception 'task % is not listed', task using errcode = '22023';
  end if;
end
$$;

-- The queue's own tables are installed beside this by `outbound migrate`; these functions find them when they run.
-- Puts one task that can be due on one lane, for the context's own organization. What is to run later waits in `ctx.lanes`
-- for the sweep; the queue holds what can run now. A job that already waits on the lane is locked until this transaction
-- commits, so that it cannot run before it can see the change; a swallowed conflict would lose the wake-up. What is
-- urgent, pausing and stopping and answers, goes first. `jobs` is in the search_path since the queue's own triggers name
-- its tables without a schema.
create or replace function jobs.enqueue(
  task text, subject uuid, run_at timestamptz default null, urgent boolean default false
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, jobs, pg_temp
as $$
declare
  org uuid := ctx.org_id();
  lane text := concat_ws(':', task, org, subject);
  rank integer := case when urgent then 10 else 0 end;
  waiting record;
begin
  if org is null then
    raise exception 'no context' using errcode = '42501';
  end if;
  if run_at > clock_timestamp() then
    perform jobs.refuse_unlisted(task);
    insert into ctx.lanes as l (org_id, task, subject, due_at, wakes)
    values (org, enqueue.task, enqueue.subject, run_at, 1)
    on conflict on constraint lanes_pkey
      do update set due_at = least(l.due_at, excluded.due_at), wakes = l.wakes + 1;
    return;
  end if;
  -- Locked until this is committed, but for other wakes: a lane that ends meanwhile waits, and sees the job.
  perform from ctx.lanes as l
  where l.org_id = org and l.task = enqueue.task and l.subject = enqueue.subject
    and l.due_at <= clock_timestamp() + jobs.patience()
  for key share;
  if not found then
    perform jobs.refuse_unlisted(task);
    insert into ctx.lanes as l (org_id, task, subject, due_at)
    values (org, enqueue.task, enqueue.subject, clock_timestamp() + jobs.patience())
    on conflict on constraint lanes_pkey do update set due_at = least(l.due_at, excluded.due_at);
  end if;
  loop
    -- Before the share lock: two callers that each had one and then both updated would deadlock.
    update jobs.procrastinate_jobs as j set priority = rank
    where j.queueing_lock = lane and j.status = 'todo' and j.priority < rank;
    select j.id into waiting
    from jobs.procrastinate_jobs as j
    where j.queueing_lock = lane and j.status = 'todo'
    for share;
    if found then
      perform pg_notify(
        'procrastinate_any_queue_v1', '{"type": "job_inserted", "job_id": 0}'
      );
      return;
    end if;
    insert into jobs.procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, priority)
    values (
      split_part(task, '.', 1), task, lane, lane, jsonb_build_object('org_id', org, 'subject', subject), rank
    )
    on conflict (queueing_lock) where status = 'todo' do nothing;
    if found then
      return;
    end if;
  end loop;
end
$$;

-- Wakes the lanes of a company's connections, and the reading of its lists. A company caller's own company is taken from
-- its context.
create or replace function jobs.wake(company uuid, urgent boolean default false) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  scope record;
  account uuid;
begin
  select s.org_id, s.company_id, s.tier into scope from ctx.scope() as s;
  if scope.tier = 'company' then
    company := scope.company_id;
  end if;
  for account in
    select distinct c.account_id
    from outbound.connections as c
    where c.org_id = scope.org_id and c.company_id = company
      and c.status = 'connected' and c.deleted_at is null
    order by 1
  loop
    perform jobs.enqueue('account.work', account, null, urgent);
  end loop;
  if exists (
    select from jobs.due_imports as d where d.org_id = scope.org_id and d.subject = company
  ) then
    perform jobs.enqueue('list.import', company);
  end if;
end
$$;

-- What an account's lane has to do: a row for each step, in how many seconds it is due, and how often another time has
-- been set for the lane; one row without a step where there is nothing.
create or replace function jobs.steps_of(account uuid)
returns table (step text, due_in double precision, wakes bigint)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select d.step, extract(epoch from d.due_at - clock_timestamp())::double precision, coalesce(l.wakes, 0)
  from (values (ctx.org_id())) as o (org_id)
  left join ctx.lanes as l on l.org_id = o.org_id and l.task = 'account.work' and l.subject = account
  left join lateral (
    select w.step, min(w.due_at) as due_at
    from jobs.due as w
    where w.org_id = o.org_id and w.task = 'account.work' and w.subject = account
    group by w.step
  ) as d on true;
end
$$;

-- Notes, when a task has ended, in how many seconds it is due again: at once for 0, not by itself for null. A wake that
-- came meanwhile has put a job there, or set a time that counts if it is earlier.
create or replace function jobs.settle(task text, subject uuid, seconds double precision, seen bigint) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, jobs, pg_temp
as $$
declare
  org uuid := ctx.org_id();
  lane text := concat_ws(':', task, org, subject);
  kept ctx.lanes;
begin
  if (select s.tier from ctx.scope() as s) is distinct from 'worker' then
    raise exception 'no context' using errcode = '42501';
  end if;
  select l.* into kept
  from ctx.lanes as l
  where l.org_id = org and l.task = settle.task and l.subject = settle.subject
  for update;
  if exists (select from jobs.procrastinate_jobs as j where j.queueing_lock = lane and j.status = 'todo') then
    return;
  end if;
  if seconds <= 0 then
    perform jobs.enqueue(task, subject);
  elsif seconds is not null then
    insert into ctx.lanes as l (org_id, task, subject, due_at)
    values (org, settle.task, settle.subject, clock_timestamp() + make_interval(secs => seconds))
    on conflict on constraint lanes_pkey do update set due_at = case
      when l.wakes = coalesce(seen, l.wakes) then excluded.due_at else least(l.due_at, excluded.due_at)
    end;
  elsif kept.wakes = coalesce(seen, kept.wakes) then
    delete from ctx.lanes as l where l.org_id = org and l.task = settle.task and l.subject = settle.subject;
  end if;
end
$$;

-- The sweep: queues what is due of `ctx.lanes`, by its index, the longest waiting first, and says how many that were and
-- in how many seconds the next is due. One at a time; null where another is at it. A lane whose job does not come to its
-- end is due again after `patience` seconds.
create or replace function ctx.sweep(
  amount integer, patience double precision, out queued bigint, out next_in double precision
)
language plpgsql volatile security definer
set search_path = pg_catalog, jobs, pg_temp
as $$
begin
  if ctx.role_tier() is distinct from 'worker' then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  perform ctx.refuse_second_context();
  if not pg_try_advisory_xact_lock(hashtextextended('sweep', 0)) then
    return;
  end if;
  with due as materialized (
    select l.org_id, l.task, l.subject, concat_ws(':', l.task, l.org_id, l.subject) as lane
    from ctx.lanes as l
    where l.due_at <= clock_timestamp()
    order by l.due_at
    limit amount
    for update skip locked
  ),

  gone as (
    delete from ctx.lanes as l
    using due as d
    where l.org_id = d.org_id and l.task = d.task and l.subject = d.subject
      and not exists (select from ctx.tenants as t where t.org_id = d.org_id and t.deleted_at is null)
    returning l.org_id, l.task, l.subject
  ),

  put_off as (
    update ctx.lanes as l
    set due_at = clock_timestamp() + make_interval(secs => patience)
    from due as d
    where l.org_id = d.org_id and l.task = d.task and l.subject = d.subject
      and exists (select from ctx.tenants as t where t.org_id = d.org_id and t.deleted_at is null)
    returning l.org_id, l.task, l.subject, d.lane
  ),

  put as (
    insert into jobs.procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
    select split_part(p.task, '.', 1), p.task, p.lane, p.lane, jsonb_build_object('org_id', p.org_id, 'subject', p.subject)
    from put_off as p
    where not exists (
      select from jobs.procrastinate_jobs as j where j.queueing_lock = p.lane and j.status = 'todo'
    ) and not exists (
      select from jobs.procrastinate_jobs as j where j.lock = p.lane and j.status = 'doing'
    )
    on conflict (queueing_lock) where status = 'todo' do nothing
    returning id
  )

  select count(*) into queued from put;
  select extract(epoch from min(l.due_at) - clock_timestamp()) into next_in from ctx.lanes as l;
end
$$;

-- Gives back the jobs of a dead worker, and what a living one says it has taken and does not run (`forgotten`): when
-- Postgres went away just as a job ended, only that worker knows. What is given back is another job: a worker that was
-- only stalled finds its own no more, sends nothing, and does not end the job of the one that has the lane now. A job whose
-- lane already has a successor is simply removed.
create or replace function jobs.rescue(stall_seconds double precision, forgotten bigint[]) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, jobs, pg_temp
as $$
declare
  stalled jobs.procrastinate_jobs;
  rescued bigint := 0;
begin
  for stalled in
    select j.*
    from jobs.procrastinate_jobs as j
    left join jobs.procrastinate_workers as w on w.id = j.worker_id
    where j.status = 'doing'
      and (
        w.id is null or w.last_heartbeat < now() - make_interval(secs => stall_seconds) or j.id = any(forgotten)
      )
    for update of j skip locked
  loop
    delete from jobs.procrastinate_jobs as j where j.id = stalled.id;
    insert into jobs.procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, priority)
    values (
      stalled.queue_name, stalled.task_name, stalled.lock, stalled.queueing_lock, stalled.args, stalled.priority
    )
    on conflict (queueing_lock) where status = 'todo' do nothing;
    rescued := rescued + 1;
  end loop;
  if rescued > 0 then
    perform pg_notify('procrastinate_any_queue_v1', '{"type": "job_inserted", "job_id": 0}');
  end if;
  return rescued;
end
$$;

-- What can be due, from the views `jobs.due_<subject>` on the subjects' pages: a view returns the subjects for which
-- something is due (org_id, subject), and its comment is the task that does it. All of them together are the view
-- `jobs.due`.
create or replace function jobs.due_tasks() returns table (view_name text, task text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select c.relname::text, obj_description(c.oid, 'pg_class')
  from pg_class as c
  where c.relnamespace = 'jobs'::regnamespace and c.relkind = 'v' and c.relname like 'due\_%'
    and obj_description(c.oid, 'pg_class') is not null
$$;

-- What is due by the views and was forgotten: no job, and no time at which the sweep would come to it. Of these tenants, or
-- of all. With `mend` the sweep comes to it now. Ids only, and only to workers.
create or replace function ctx.due_work(tenants uuid[] default null, mend boolean default false)
returns table (org_id uuid, task text, subject uuid)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  tenant uuid;
  forgotten record;
begin
  if ctx.role_tier() is distinct from 'worker' then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  perform ctx.refuse_second_context();
  for tenant in
    select t.org_id from ctx.tenants as t
    where t.deleted_at is null and (tenants is null or t.org_id = any(tenants))
    order by 1
  loop
    perform ctx.set_scope(tenant, null, null, 'worker');
    for forgotten in
      select f.task, f.subject
      from (
        select d.task, d.subject, min(d.due_at) as due_at
        from jobs.due as d
        where d.org_id = tenant
        group by d.task, d.subject
      ) as f
      where not exists (
        select from jobs.procrastinate_jobs as j
        where j.queueing_lock = concat_ws(':', f.task, tenant, f.subject) and j.status = 'todo'
      ) and not exists (
        select from jobs.procrastinate_jobs as j
        where j.lock = concat_ws(':', f.task, tenant, f.subject) and j.status = 'doing'
      ) and not exists (
        select from ctx.lanes as l
        where l.org_id = tenant and l.task = f.task and l.subject = f.subject
          and l.due_at <= greatest(f.due_at, clock_timestamp(), (
            select a.paused_until from outbound.provider_accounts as a where a.org_id = tenant and a.id = f.subject
          )) + interval '10 minutes'
      )
      order by f.task, f.subject
    loop
      org_id := tenant;
      task := forgotten.task;
      subject := forgotten.subject;
      return next;
      if mend then
        insert into ctx.lanes as l (org_id, task, subject, due_at)
        values (tenant, forgotten.task, forgotten.subject, clock_timestamp())
        on conflict on constraint lanes_pkey do update set due_at = excluded.due_at, wakes = l.wakes + 1;
      end if;
    end loop;
  end loop;
  perform set_config('app.signature', '', true);
end
$$;

-- Compares the lanes of the next organizations with what is due, and mends what is missing: once an hour for each, or more
-- often where they are few. Returns how many were missing, and null where the round is over or another worker is at it.
create or replace function ctx.reconcile(amount integer) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  round ctx.rounds;
  tenants uuid[];
  missing bigint;
  pause interval;
begin
  if ctx.role_tier() is distinct from 'worker' then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  select least(interval '1 hour', greatest(interval '1 minute', count(*) * interval '360 ms')) into pause
  from ctx.tenants as t;
  select r.* into round
  from ctx.rounds as r
  where r.name = 'lanes' and (r.last_org_id is not null or coalesce(r.finished_at < now() - pause, true))
  for update skip locked;
  if round.name is null then
    return null;
  end if;
  select array_agg(n.org_id) into tenants from (
    select t.org_id from ctx.tenants as t
    where t.deleted_at is null and (round.last_org_id is null or t.org_id > round.last_org_id)
    order by t.org_id limit amount
  ) as n;
  select count(*) into missing from ctx.due_work(coalesce(tenants, '{}'), true);
  update ctx.rounds as r
  set
    last_org_id = case when cardinality(tenants) = amount then tenants[amount] end,
    finished_at = case when cardinality(tenants) = amount then r.finished_at else now() end
  where r.name = 'lanes';
  return missing;
end
$$;

-- Deletes what has expired: refresh tokens, tries, links and kept answers of more than a day, and results of lists of more
-- than 30 days; gives up lists that have been coming for three hours. The worker's; one organization at a time, and nothing
-- is left open.
create or replace function ctx.tidy() returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  tenant uuid;
  touched bigint;
  total bigint := 0;
begin
  if ctx.role_tier() is distinct from 'worker' then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  perform ctx.refuse_second_context();
  delete from ctx.refresh_tokens as r where r.expires_at < now() - interval '1 day';
  get diagnostics touched = row_count;
  total := total + touched;
  delete from ctx.login_buckets as b where b.updated_at < now() - interval '1 day';
  get diagnostics touched = row_count;
  total := total + touched;
  delete from ctx.request_buckets as b where b.updated_at < now() - interval '1 hour';
  get diagnostics touched = row_count;
  total := total + touched;
  delete from ctx.credentials as c where c.kind = 'link' and least(c.closed_at, c.expires_at) < now() - interval '1 day';
  get diagnostics touched = row_count;
  total := total + touched;
  for tenant in select t.org_id from ctx.tenants as t where t.deleted_at is null loop
    perform ctx.set_scope(tenant, null, null, 'worker');
    delete from outbound.idempotency_keys as k where k.org_id = tenant and k.created_at < now() - interval '1 day';
    get diagnostics touched = row_count;
    total := total + touched;
    -- The job takes away what has come of a list that is not going to be whole.
    update outbound.imports as i set state = 'abandoned', finished_at = now(), chunks = 1
    where i.org_id = tenant and i.state = 'receiving' and i.created_at < now() - interval '3 hours'
      and i.deleted_at is null;
    delete from outbound.import_results as r where r.org_id = tenant and r.id in (
      select o.id from outbound.import_results as o
      inner join outbound.imports as i on i.org_id = o.org_id and i.company_id = o.company_id and i.id = o.import_id
      where o.org_id = tenant and i.finished_at < now() - interval '30 days'
      limit 2000
    );
    get diagnostics touched = row_count;
    total := total + touched;
  end loop;
  perform set_config('app.signature', '', true);
  return total;
end
$$;
