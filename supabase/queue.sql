-- Applied with the job queue's own schema, and after each of its upgrades.
-- Who listens to the queue's channel hears that there is work and nothing of whose: any role may listen, and the ids of
-- jobs would tell how much the others do. The queue's own function of this name says the id, which no worker reads.
create or replace function jobs.procrastinate_notify_queue_job_inserted_v1() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_notify('procrastinate_any_queue_v1', '{"type": "job_inserted", "job_id": 0}');
  return new;
end
$$;

-- The next job of a worker's queue, found by its index however many jobs wait and whatever the statistics say: mostly they
-- are of an empty queue, and then the queue's own function of this name reads and sorts all that wait, and for each of them
-- an index as a whole. No other index has this order, since the priority is turned round in it, and nothing may be sorted.
-- Each worker has one queue. Of a lane one job waits, so what keeps it waiting can only be the one that runs.
create index if not exists outbound_jobs_next on jobs.procrastinate_jobs (queue_name, (-priority), id)
where status = 'todo';

create or replace function jobs.procrastinate_fetch_job_v2(target_queue_names varchar[], p_worker_id bigint)
returns jobs.procrastinate_jobs
language plpgsql volatile
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
  taken jobs.procrastinate_jobs;
begin
  update jobs.procrastinate_jobs as t set status = 'doing', worker_id = p_worker_id
  where t.id = (
    select j.id
    from jobs.procrastinate_jobs as j
    where j.queue_name = target_queue_names[1] and j.status = 'todo'
      and (j.scheduled_at is null or j.scheduled_at <= now())
      and not exists (
        select from jobs.procrastinate_jobs as r where r.lock = j.lock and r.status = 'doing' offset 0
      )
    order by -j.priority, j.id
    limit 1
    for update of j skip locked
  )
  returning t.* into taken;
  return taken;
end
$$;
