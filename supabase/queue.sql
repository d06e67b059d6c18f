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
