"""A job that the queue believes to be running, and that its living worker knows nothing of, does not block its lane."""

from tests.engine import Engine, draft, start, wait_for


def test_a_job_that_its_worker_forgot_is_given_back(engine: Engine) -> None:
    org = engine.new_organization()
    company = org.connected_company()
    campaign = draft(company, leads=3)
    with engine.sql() as conn:

        def idle() -> bool:
            query = """
                select 1 from jobs.procrastinate_jobs where status in ('todo', 'doing') and args ->> 'org_id' = %s
            """
            return not conn.execute(query, [org.id]).fetchall()

        wait_for("an idle lane", idle)
        conn.execute("set search_path = jobs")
        conn.execute(
            """
            insert into jobs.procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status, worker_id)
            select 'account', 'account.work', lane, lane, jsonb_build_object('org_id', org_id, 'subject', account_id),
              'doing', (select w.id from jobs.procrastinate_workers as w order by w.last_heartbeat desc limit 1)
            from (
              select k.org_id, k.account_id, concat_ws(':', 'account.work', k.org_id, k.account_id) as lane
              from outbound.connections as k where k.company_id = %s
            ) as held
            """,
            [company.id],
        )
    start(company, campaign, 30)
