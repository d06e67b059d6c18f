-- Work: it is queued inside the transaction of the change that needs it, as its last statement.

-- The queue's own tables are installed beside this by `outbound migrate`; these functions find them when they run.
-- Puts one task that can be due on one lane, for the context's own organization. A job that already waits on the lane
-- is locked until this transaction commits, so that it cannot run before it can see the change; a swallowed conflict
-- would lose the wake-up. `jobs` is in the search_path since the queue's own triggers name its tables without a schema.
create or replace function jobs.enqueue(task text, subject uuid, run_at timestamptz default null) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, jobs, pg_temp
as $$
declare
  org uuid := ctx.org_id();
  lane text := concat_ws(':', task, org, subject);
  waiting record;
begin
  if org is null then
    raise exception 'no context' using errcode = '42501';
  end if;
  loop
    -- Before the share lock: two callers that each had one and then both updated would deadlock.
    update jobs.procrastinate_jobs as j set scheduled_at = run_at
    where j.queueing_lock = lane and j.status = 'todo' and j.scheduled_at > coalesce(run_at, now());
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
    if not exists (select from jobs.due_tasks() as t where t.task = enqueue.task) then
      raise exception 'task % is not listed', task using errcode = '22023';
    end if;
    insert into jobs.procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, scheduled_at)
    values (
      split_part(task, '.', 1), task, lane, lane, jsonb_build_object('org_id', org, 'subject', subject), run_at
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
create or replace function jobs.wake(company uuid) returns void
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
    perform jobs.enqueue('account.work', account);
  end loop;
  if exists (
    select from jobs.due_imports as d where d.org_id = scope.org_id and d.subject = company
  ) then
    perform jobs.enqueue('list.import', company);
  end if;
end
$$;

-- Gives back the jobs of a dead worker, and what a living one says it has taken and does not run (`forgotten`): when
-- Postgres went away just as a job ended, only that worker knows. A job whose lane already has a successor is simply
-- removed.
create or replace function jobs.rescue(stall_seconds double precision, forgotten bigint[]) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, jobs, pg_temp
as $$
declare
  stalled record;
  rescued bigint := 0;
begin
  for stalled in
    select j.id, j.queueing_lock
    from jobs.procrastinate_jobs as j
    left join jobs.procrastinate_workers as w on w.id = j.worker_id
    where j.status = 'doing'
      and (
        w.id is null or w.last_heartbeat < now() - make_interval(secs => stall_seconds) or j.id = any(forgotten)
      )
    for update of j skip locked
  loop
    if exists (
      select from jobs.procrastinate_jobs as j
      where j.queueing_lock = stalled.queueing_lock and j.status = 'todo'
    ) then
      delete from jobs.procrastinate_jobs as j where j.id = stalled.id;
    else
      perform jobs.procrastinate_retry_job_v2(stalled.id, null, null, null, null);
    end if;
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

-- Every lane that has something due and no job: the sweeper's question. Ids only, and only to workers.
create or replace function ctx.due_work() returns table (org_id uuid, task text, subject uuid)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  tenant uuid;
begin
  if ctx.role_tier() is distinct from 'worker' then
    raise exception 'credential refused' using errcode = '28000';
  end if;
  perform ctx.refuse_second_context();
  for tenant in select t.org_id from ctx.tenants as t where t.deleted_at is null loop
    perform ctx.set_scope(tenant, null, null, 'worker');
    return query
    select due.org_id, due.task, due.subject
    from jobs.due
    where not exists (
      select from jobs.procrastinate_jobs as j
      where j.queueing_lock = concat_ws(':', due.task, due.org_id, due.subject) and j.status in ('todo', 'doing')
    );
  end loop;
  perform set_config('app.signature', '', true);
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
