-- Work is queued inside the transaction of the change that needs it, as its last statement.
-- The queue's own tables are installed beside this by `outbound migrate`; these functions find them when they run.

set role outbound_owner;

-- Puts one listed task on one lane, for the context's own organization. A job that already waits on the lane is held
-- until this transaction commits, so that it cannot run before it can see the change; a swallowed conflict would lose
-- the wake-up.
create function jobs.enqueue(task text, subject uuid, run_at timestamptz default null) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, jobs, pg_temp -- the queue's own triggers name its tables without a schema
as $$
declare
  org uuid := ctx.org_id();
  lane text := concat_ws(':', task, org, subject);
  waiting record;
begin
  if org is null then
    raise exception 'no context' using errcode = '42501';
  end if;
  if task not in ('account.work', 'webhook.project') then
    raise exception 'task % is not listed', task using errcode = '22023';
  end if;
  loop
    -- Before the share lock: two callers that each held one and then both updated would wait for each other.
    update jobs.procrastinate_jobs as j set scheduled_at = run_at
    where j.queueing_lock = lane and j.status = 'todo' and j.scheduled_at > coalesce(run_at, now());
    select j.id into waiting
    from jobs.procrastinate_jobs as j
    where j.queueing_lock = lane and j.status = 'todo'
    for share;
    if found then
      perform pg_notify(
        'procrastinate_any_queue_v1', json_build_object('type', 'job_inserted', 'job_id', waiting.id)::text
      );
      return;
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

-- Wakes the lanes of a company's connections. A company caller's own company is taken from its context.
create function jobs.wake(company uuid) returns void
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
end
$$;

-- The door for webhooks: one statement stores the raw body and queues its reading. A repeated body is stored once.
create function ctx.accept_webhook(webhook_id uuid, sha256 bytea, body bytea) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  scope record;
begin
  select s.org_id, s.company_id, s.user_id, s.tier into scope from ctx.scope() as s;
  if scope.tier is distinct from 'hook' then
    raise exception 'no context' using errcode = '42501';
  end if;
  insert into outbound.inbound_webhooks (org_id, company_id, connection_id, id, body_sha256, body)
  values (scope.org_id, scope.company_id, scope.user_id, webhook_id, sha256, body)
  on conflict (org_id, company_id, connection_id, body_sha256) do nothing;
  if not found then
    return false;
  end if;
  perform jobs.enqueue('webhook.project', scope.user_id);
  return true;
end
$$;

-- Every lane that has something due and no job: the sweeper's question. Ids only, and only to workers.
create function ctx.due_work() returns table (org_id uuid, task text, subject uuid)
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
  for tenant in select distinct c.org_id from ctx.credentials as c where c.kind = 'hook' loop
    perform ctx.set_scope(tenant, null, null, 'worker');
    return query
    select due.org_id, due.task, due.subject
    from (
      select k.org_id, 'account.work' as task, k.account_id as subject
      from outbound.connections as k
      where k.status = 'connected' and k.deleted_at is null and (
        k.senders_synced_at is null
        or exists (
          select from outbound.campaigns as c
          where c.org_id = k.org_id and c.company_id = k.company_id and c.capability = k.capability
            and c.deleted_at is null and (
              (c.status in ('active', 'paused') and c.sync_error is null and c.revision <> c.synced_revision)
              or exists (
                select from outbound.campaign_bindings as b
                where b.org_id = c.org_id and b.company_id = c.company_id and b.campaign_id = c.id
                  and b.external_id is not null and c.sync_error is null
                  and (c.status = 'active') <> (b.remote_status = 'active')
              )
              or exists (
                select from outbound.campaign_leads as e
                where e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
                  and e.deleted_at is null and (
                    (e.push_state = 'pending' and e.status = 'queued' and c.status = 'active' and c.sync_error is null)
                    or e.push_state in ('sending', 'uncertain')
                    or (e.stop_state = 'due' and e.push_state = 'pushed')
                  )
              )
            )
        )
      )
      union
      select w.org_id, 'webhook.project', w.connection_id
      from outbound.inbound_webhooks as w
      where w.state = 'received'
    ) as due
    where not exists (
      select from jobs.procrastinate_jobs as j
      where j.queueing_lock = concat_ws(':', due.task, due.org_id, due.subject) and j.status in ('todo', 'doing')
    );
  end loop;
  perform set_config('app.signature', '', true);
end
$$;

-- Gives back what a dead worker held, and what a living one says it holds and does not run (`forgotten`): when Postgres
-- went away just as a job ended, nobody else can tell. A job whose lane already has a successor is simply removed.
create function jobs.rescue(stall_seconds double precision, forgotten bigint[]) returns bigint
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

reset role;
