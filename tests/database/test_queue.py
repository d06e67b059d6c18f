"""Work is queued with the change that needs it, for the context's own organization, and no wake-up is lost."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database.catalog import value
from tests.database.tenants import Company, Conn, Place, acting, attempt, enter, put, seed_organization, untriggered

ENQUEUE = "select jobs.enqueue('account.work', %s)"
FETCH = "select (jobs.procrastinate_fetch_job_v2('{account}', %s)).id"
RACES = 120


QUEUE = "-c search_path=jobs"  # the queue's own functions and triggers name its tables without a schema


@pytest.fixture(scope="module")
def admin(place: Place) -> Iterator[Conn]:
    """A superuser's connection that may touch the queue's tables."""
    with place.admin(options=QUEUE) as conn:
        yield conn


def waiting(conn: Conn, subject: UUID) -> list[tuple[Any, ...]]:
    """Return id, status and arguments of the jobs of a lane."""
    ask = (
        "select id, status::text, args, lock, queueing_lock from jobs.procrastinate_jobs where args ->> 'subject' = %s"
    )
    return conn.execute(ask, [str(subject)]).fetchall()


def put_job(admin: Conn, lane: str, status: str, worker: int | None) -> int:
    """Put a job on a lane as if a worker had taken or left it."""
    row = admin.execute(
        "insert into jobs.procrastinate_jobs (queue_name, task_name, lock, queueing_lock, status, worker_id, args) "
        "values ('account', 'account.work', %s, %s, %s, %s, '{}') returning id",
        [lane, lane, status, worker],
    ).fetchone()
    assert row
    return int(row[0])


def new_worker(admin: Conn, *, age: float = 0) -> int:
    """Register a worker whose last heartbeat is so many seconds old."""
    register = "insert into jobs.procrastinate_workers (last_heartbeat) values (%s) returning id"
    return int(value(admin, register, [datetime.now(UTC) - timedelta(seconds=age)]))


def delete_jobs(admin: Conn) -> None:
    """Empty the queue."""
    admin.execute("truncate jobs.procrastinate_jobs, jobs.procrastinate_workers, jobs.procrastinate_events cascade")


# Putting work in ---------------------------------------------------------------------------------------------------


def test_a_job_carries_the_contexts_own_organization(place: Place, admin: Conn, company: Company) -> None:
    subject = uuid4()
    with acting(place, "worker", company, commit=True) as conn:
        conn.execute(ENQUEUE, [subject])
    ((_, status, arguments, lock, queueing_lock),) = waiting(admin, subject)
    assert (status, arguments) == ("todo", {"org_id": str(company.org_id), "subject": str(subject)})
    assert lock == queueing_lock == f"account.work:{company.org_id}:{subject}"


def test_a_forged_organization_is_not_queued_for(place: Place, admin: Conn, company: Company) -> None:
    subject, stranger = uuid4(), uuid4()
    with place.role("worker") as conn, conn.transaction():
        conn.execute("select set_config('app.org_id', %s, true)", [str(stranger)])
        assert attempt(conn, ENQUEUE, [subject], keep=True).sqlstate == "42501"
        enter(conn, "worker", company)
        conn.execute("select set_config('app.org_id', %s, true)", [str(stranger)])
        assert attempt(conn, ENQUEUE, [subject], keep=True).sqlstate == "42501"
        conn.execute("select set_config('app.org_id', %s, true)", [str(company.org_id)])
        assert attempt(conn, ENQUEUE, [subject], keep=True).sqlstate is None
    assert [row[2]["org_id"] for row in waiting(admin, subject)] == [str(company.org_id)]


def test_a_job_without_a_context_is_refused(place: Place, admin: Conn) -> None:
    subject = uuid4()
    with place.role("worker") as conn:
        assert attempt(conn, ENQUEUE, [subject], keep=True).sqlstate == "42501"
    assert waiting(admin, subject) == []


@pytest.mark.parametrize("task", ["account.works", "", "os.system", "ACCOUNT.WORK", "jobs.rescue", None])
def test_an_unlisted_task_is_refused(place: Place, admin: Conn, company: Company, task: str | None) -> None:
    subject = uuid4()
    with acting(place, "worker", company, commit=True) as conn:
        refused = attempt(conn, "select jobs.enqueue(%s, %s)", [task, subject], keep=True)
        assert refused.sqlstate in ("22023", "23502")
        assert attempt(conn, ENQUEUE, [subject], keep=True).sqlstate is None
    assert len(waiting(admin, subject)) == 1


@pytest.mark.parametrize("tier", ["org", "company", "public", "platform"])
def test_only_workers_name_a_task(place: Place, company: Company, tier: str) -> None:
    with place.role(tier) as conn, conn.transaction():
        if tier != "platform":
            enter(conn, tier, company)
        assert attempt(conn, ENQUEUE, [uuid4()]).sqlstate == "42501"
        assert attempt(conn, "insert into jobs.procrastinate_jobs default values").sqlstate == "42501"
        assert attempt(conn, "select * from jobs.procrastinate_jobs").sqlstate == "42501"
        assert attempt(conn, "select jobs.procrastinate_register_worker_v1()").sqlstate == "42501"


def test_a_job_is_gone_with_a_rolled_back_change(place: Place, admin: Conn, company: Company) -> None:
    subject = uuid4()
    with acting(place, "worker", company) as conn:
        conn.execute(ENQUEUE, [subject])
        assert len(waiting(conn, subject)) == 1
        assert waiting(admin, subject) == [], "nobody sees it before the commit"
    assert waiting(admin, subject) == []
    with acting(place, "company", company) as conn:
        conn.execute("select jobs.wake(null)")
    assert waiting(admin, company.rows["provider_accounts"]) == []
    with acting(place, "company", company, commit=True) as conn:
        conn.execute("select jobs.wake(null)")
    assert len(waiting(admin, company.rows["provider_accounts"])) == 1


def test_a_lane_waits_once_and_at_the_earliest_time(place: Place, admin: Conn, company: Company) -> None:
    """What is to run later is no job yet; what is to run now is one."""
    subject = uuid4()
    later = "select jobs.enqueue('account.work', %s, now() + make_interval(secs => %s))"
    when = "select extract(epoch from due_at - now())::float8 from ctx.lanes where subject = %s"
    seen = []
    for seconds in (300, 600, 60):
        with acting(place, "worker", company, commit=True) as conn:
            conn.execute(later, [subject, seconds])
        seen.append(value(admin, when, [subject]))
        assert waiting(admin, subject) == []
    assert 290 < seen[1] <= seen[0] <= 300
    assert seen[2] <= 60
    with acting(place, "worker", company, commit=True) as conn:
        conn.execute(ENQUEUE, [subject])
        conn.execute(later, [subject, 600])
    assert len(waiting(admin, subject)) == 1
    assert value(admin, when, [subject]) <= 30, "it is looked at again soon, should the job be lost"


def test_only_a_company_that_is_connected_is_woken(place: Place, admin: Conn, company: Company) -> None:
    admin.execute("update outbound.connections set status = 'error' where id = %s", [company.rows["connections"]])
    with acting(place, "company", company, commit=True) as conn:
        conn.execute("select jobs.wake(null)")
    assert waiting(admin, company.rows["provider_accounts"]) == []
    admin.execute("update outbound.connections set status = 'connected' where id = %s", [company.rows["connections"]])
    with acting(place, "org", company, commit=True) as conn:
        conn.execute("select jobs.wake(%s)", [company.id])
    assert len(waiting(admin, company.rows["provider_accounts"])) == 1


def test_two_organizations_never_share_a_lane(place: Place, admin: Conn) -> None:
    """A lane locked by another organization's job would swallow this one's wake-up."""
    (one,), (two,) = seed_organization(admin), seed_organization(admin)
    subject = uuid4()
    for company in (one, two):
        with acting(place, "worker", company, commit=True) as conn:
            conn.execute(ENQUEUE, [subject])
    assert {row[2]["org_id"] for row in waiting(admin, subject)} == {str(one.org_id), str(two.org_id)}


# The race ----------------------------------------------------------------------------------------------------------


@dataclass
class Race:
    """A change and its wake-up against a worker that takes the waiting job at the same moment."""

    writer: Conn
    worker: Conn
    company: Company
    queueing: str
    worker_id: int

    def take(self, ready: threading.Barrier, number: int, seen: list[bool]) -> None:
        """Take the waiting job, if there is one to be had, and note whether it then saw the change."""
        ready.wait(10)
        if value(self.worker, FETCH, [self.worker_id]) is None:
            return
        with acting_on(self.worker, self.company):
            ask = "select sync_error from outbound.campaigns where id = %s"
            seen.append(value(self.worker, ask, [self.company.rows["campaigns"]]) == str(number))

    def run(self, number: int) -> list[bool]:
        """Change something and queue; return what each job that ran meanwhile saw."""
        seen: list[bool] = []
        ready = threading.Barrier(2)
        thread = threading.Thread(target=self.take, args=(ready, number, seen))
        thread.start()
        with acting_on(self.writer, self.company):
            change = "update outbound.campaigns set sync_error = %s where id = %s"
            self.writer.execute(change, [str(number), self.company.rows["campaigns"]])
            if number % 2:
                ready.wait(10)
            self.writer.execute(self.queueing, [self.company.rows["provider_accounts"]])
            if not number % 2:
                ready.wait(10)
            time.sleep(0.003)
        thread.join(10)
        return seen


def lost_wake_ups(place: Place, admin: Conn, company: Company, queueing: str) -> tuple[int, int]:
    """Return in how many races no job saw the change and none was left to, and in how many a job ran too early."""
    lost = early = 0
    subject = company.rows["provider_accounts"]
    with place.role("worker", options=QUEUE) as writer, place.role("worker", options=QUEUE) as worker:
        race = Race(writer, worker, company, queueing, new_worker(admin))
        for number in range(RACES):
            admin.execute("delete from jobs.procrastinate_jobs where args ->> 'subject' = %s", [str(subject)])
            with acting_on(writer, company):
                writer.execute(ENQUEUE, [subject])
            seen = race.run(number)
            left = [row for row in waiting(admin, subject) if row[1] == "todo"]
            lost += not left and not any(seen)
            early += seen == [False]
    return lost, early


def acting_on(conn: Conn, company: Company) -> "Opened":
    """Return a committed transaction in a worker's context on a connection that stays open."""
    return Opened(conn, company)


class Opened:
    """A transaction with a context, on a connection that is not closed after it."""

    def __init__(self, conn: Conn, company: Company) -> None:
        self.conn, self.company, self.transaction = conn, company, conn.transaction()

    def __enter__(self) -> None:
        self.transaction.__enter__()
        enter(self.conn, "worker", self.company)

    def __exit__(self, *error: Any) -> None:
        self.transaction.__exit__(*error)


def test_no_wake_up_is_lost_to_a_worker_that_takes_the_waiting_job(place: Place, admin: Conn, company: Company) -> None:
    delete_jobs(admin)
    lost, early = lost_wake_ups(place, admin, company, ENQUEUE)
    assert lost == 0
    assert early > 0, "no worker came before the wake-up"


def test_swallowing_the_conflict_would_lose_wake_ups(place: Place, admin: Conn, company: Company) -> None:
    """The proof that the races above are close: the obvious way of queueing loses some of them."""
    delete_jobs(admin)
    lane = f"account.work:{company.org_id}:{company.rows['provider_accounts']}"
    naive = f"""
        insert into jobs.procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
        values ('account', 'account.work', '{lane}', '{lane}', jsonb_build_object('subject', %s))
        on conflict (queueing_lock) where status = 'todo' do nothing
    """  # noqa: S608  # an id of this test
    lost, _ = lost_wake_ups(place, admin, company, naive)
    assert lost > 0


def test_two_changes_of_one_lane_do_not_deadlock(place: Place, admin: Conn, company: Company) -> None:
    subject, errors = uuid4(), []

    def queue(rounds: int) -> None:
        with place.role("worker") as conn:
            for number in range(rounds):
                try:
                    with acting_on(conn, company):
                        later = "select jobs.enqueue('account.work', %s, now() + make_interval(secs => %s))"
                        conn.execute(later, [subject, 100 - number])
                        conn.execute(ENQUEUE, [subject])
                except psycopg.Error as error:
                    errors.append(error)

    threads = [threading.Thread(target=queue, args=(20,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(waiting(admin, subject)) == 1


@pytest.mark.parametrize("seen", ["empty", "full", "by others only"])
def test_a_job_is_found_by_index_whatever_the_statistics_say(place: Place, admin: Conn, seen: str) -> None:
    read = (
        "select (seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint from pg_stat_xact_user_tables"
        " where relid = 'jobs.procrastinate_jobs'::regclass"
    )
    delete_jobs(admin)
    worker = new_worker(admin)
    admin.execute("analyze jobs.procrastinate_jobs")
    with place.role("worker", options=QUEUE) as conn:
        for _ in range(8):  # as often as it takes Postgres to keep a plan
            assert value(conn, FETCH, [worker]) is None
        fill = (
            "insert into jobs.procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)"
            " select %s, 'account.work', 'lane ' || n, 'lane ' || n, '{}' from generate_series(%s::integer, %s) as n"
        )
        admin.execute(fill, ["webhook", 1, 5000])
        if seen == "by others only":
            admin.execute("analyze jobs.procrastinate_jobs")
        admin.execute(fill, ["account", 5001, 10000])
        if seen == "full":
            admin.execute("analyze jobs.procrastinate_jobs")
        for _ in range(3):
            with conn.transaction():
                assert value(conn, FETCH, [worker]) is not None
                assert value(conn, read) < 20
    delete_jobs(admin)


# Giving work back --------------------------------------------------------------------------------------------------


def test_a_stalled_job_is_given_back_and_a_living_one_is_left(place: Place, admin: Conn) -> None:
    delete_jobs(admin)
    dead, alive = new_worker(admin, age=60), new_worker(admin)
    lanes = {name: f"account.work:{uuid4()}" for name in ("dead", "gone", "alive")}
    ids = {
        "dead": put_job(admin, lanes["dead"], "doing", dead),
        "gone": put_job(admin, lanes["gone"], "doing", None),
        "alive": put_job(admin, lanes["alive"], "doing", alive),
    }
    with place.role("worker") as conn:
        assert value(conn, "select jobs.rescue(10, '{}')") == 2
        assert value(conn, "select jobs.rescue(10, '{}')") == 0
    rows = admin.execute("select lock, status::text, id from jobs.procrastinate_jobs").fetchall()
    assert {lock: status for lock, status, _ in rows} == {
        lanes["dead"]: "todo", lanes["gone"]: "todo", lanes["alive"]: "doing"
    }  # fmt: skip
    assert {job for _, _, job in rows} & {*ids.values()} == {ids["alive"]}, (
        "a worker that was only stalled finds its own no more"
    )


def test_a_stalled_job_whose_lane_has_a_successor_is_removed(place: Place, admin: Conn) -> None:
    delete_jobs(admin)
    lane = f"account.work:{uuid4()}"
    put_job(admin, lane, "doing", new_worker(admin, age=60))
    successor = put_job(admin, lane, "todo", None)
    with place.role("worker", options=QUEUE) as conn:
        assert value(conn, "select jobs.rescue(10, '{}')") == 1
        worker = new_worker(admin)
        assert value(conn, FETCH, [worker]) == successor
    assert admin.execute("select id, status::text from jobs.procrastinate_jobs").fetchall() == [(successor, "doing")]


@pytest.mark.parametrize("tier", ["org", "company", "public", "platform"])
def test_only_workers_rescue_and_ask_for_due_work(place: Place, tier: str) -> None:
    with place.role(tier) as conn:
        assert attempt(conn, "select jobs.rescue(0, '{}')").sqlstate == "42501"
        assert attempt(conn, "select * from ctx.due_work()").sqlstate == "42501"
    with place.role("worker") as conn:
        assert attempt(conn, "select * from ctx.due_work()").sqlstate is None


# What is due -------------------------------------------------------------------------------------------------------


def due(place: Place, company: Company) -> set[tuple[str, UUID]]:
    """Return an organization's lanes that have something due and were forgotten."""
    with place.role("worker") as conn, conn.transaction():
        rows = conn.execute("select org_id, task, subject from ctx.due_work()").fetchall()
        assert conn.execute("select count(*) from outbound.campaigns").fetchone() == (0,), "no context is left behind"
    return {(task, subject) for org, task, subject in rows if org == company.org_id}


@pytest.fixture
def idle(admin: Conn, company: Company) -> Company:
    """A company with nothing to do: active campaign in step, every lead pushed, webhooks read."""
    admin.execute(
        "update outbound.connections set senders_synced_at = now() where id = %s", [company.rows["connections"]]
    )
    admin.execute("update outbound.inbound_webhooks set state = 'projected' where company_id = %s", [company.id])
    admin.execute("update outbound.senders set status = 'disconnected' where company_id = %s", [company.id])
    for statement in (
        "update outbound.campaigns set status = 'active', started_at = now(), synced_revision = revision",
        "update outbound.campaign_leads set push_state = 'pushed', pushed_at = now()",
        "update outbound.campaign_bindings set remote_status = 'active', external_id = '23'",
    ):
        with untriggered(admin):
            admin.execute(statement + " where company_id = %s", [company.id])  # pyright: ignore[reportArgumentType]
    return company


DUE = {
    "senders never read": "update outbound.connections set senders_synced_at = null where id = %(connections)s",
    "a changed campaign": "update outbound.campaigns set revision = revision + 1 where id = %(campaigns)s",
    "a campaign paused at the provider": "update outbound.campaign_bindings set remote_status = 'paused' "
    "where id = %(campaign_bindings)s",
    "a waiting person": "update outbound.campaign_leads set push_state = 'pending', pushed_at = null "
    "where id = %(campaign_leads)s",
    "a person left sending": "update outbound.campaign_leads set push_state = 'sending', pushed_at = null, "
    "push_attempt_id = id, push_attempted_at = now() where id = %(campaign_leads)s",
    "an uncertain person": "update outbound.campaign_leads set push_state = 'uncertain', pushed_at = null, "
    "push_attempt_id = id, push_attempted_at = now() where id = %(campaign_leads)s",
    "a person to stop": "update outbound.campaign_leads set stop_state = 'due', stop_reason = 'replied' "
    "where id = %(campaign_leads)s",
}


@pytest.mark.parametrize("what", DUE)
def test_a_lane_with_something_due_that_was_forgotten_is_listed_once(
    place: Place, admin: Conn, idle: Company, what: str
) -> None:
    assert due(place, idle) == set()
    with untriggered(admin):
        assert admin.execute(DUE[what], idle.rows).rowcount == 1
    lane = ("account.work", idle.rows["provider_accounts"])
    assert due(place, idle) == {lane}
    with acting(place, "worker", idle, commit=True) as conn:
        conn.execute(ENQUEUE, [lane[1]])
    assert due(place, idle) == set()
    admin.execute("update jobs.procrastinate_jobs set status = 'doing' where args ->> 'subject' = %s", [str(lane[1])])
    assert due(place, idle) == set()
    admin.execute("delete from jobs.procrastinate_jobs where args ->> 'subject' = %s", [str(lane[1])])
    assert due(place, idle) == set(), "the sweep comes to it"
    admin.execute("delete from ctx.lanes where subject = %s", [lane[1]])
    assert due(place, idle) == {lane}
    admin.execute("update outbound.connections set status = 'error' where id = %s", [idle.rows["connections"]])
    assert due(place, idle) == set(), "an account that is not connected can do nothing"


def test_an_unread_webhook_is_due_even_when_disconnected(place: Place, admin: Conn, idle: Company) -> None:
    admin.execute("update outbound.connections set status = 'disconnected' where id = %s", [idle.rows["connections"]])
    admin.execute(
        "update outbound.inbound_webhooks set state = 'received' where id = %s", [idle.rows["inbound_webhooks"]]
    )
    assert due(place, idle) == {("webhook.project", idle.rows["connections"])}


NOT_DUE = {
    "a paused campaign's waiting person": "status = 'paused'",
    "a draft's waiting person": "status = 'draft', started_at = null",
    "a refused campaign's waiting person": "sync_error = 'sender_missing'",
    "a deleted campaign's waiting person": "deleted_at = now()",
}


@pytest.mark.parametrize("what", NOT_DUE)
def test_a_person_who_may_not_be_sent_is_not_due(place: Place, admin: Conn, idle: Company, what: str) -> None:
    with untriggered(admin):
        admin.execute(DUE["a waiting person"], idle.rows)
    assert due(place, idle)
    admin.execute("update outbound.campaign_bindings set remote_status = 'paused' where company_id = %s", [idle.id])
    admin.execute(f"update outbound.campaigns set {NOT_DUE[what]} where id = %(campaigns)s", idle.rows)  # noqa: S608  # this page
    assert due(place, idle) == set()


@pytest.mark.parametrize("ended", ["status = 'archived'", "status = 'completed'"])
def test_a_person_to_stop_is_due_in_an_ended_campaign_too(place: Place, admin: Conn, idle: Company, ended: str) -> None:
    with untriggered(admin):
        admin.execute(DUE["a person to stop"], idle.rows)
    assert due(place, idle)
    admin.execute(f"update outbound.campaigns set {ended} where id = %(campaigns)s", idle.rows)  # noqa: S608  # this page
    assert due(place, idle) == {("account.work", idle.rows["provider_accounts"])}


def test_due_work_is_refused_inside_a_context(place: Place, company: Company) -> None:
    with acting(place, "worker", company) as conn:
        assert attempt(conn, "select * from ctx.due_work()").sqlstate == "55000"


def test_due_work_covers_every_organization(place: Place, admin: Conn) -> None:
    made = [company for _ in range(3) for company in seed_organization(admin)]
    stray = {"name": "Bare", "slug": f"bare-{uuid4().hex[:8]}"}
    put(admin, "organizations", stray)
    for company in made:
        lanes = due(place, company)
        assert ("account.work", company.rows["provider_accounts"]) in lanes
        assert ("webhook.project", company.rows["connections"]) in lanes
