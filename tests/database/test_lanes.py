"""When lanes are due: kept by those who wake them and by their own end, found by index, compared with what is due."""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.database.catalog import value
from tests.database.tenants import Company, Conn, Place, acting, attempt, enter, put, untriggered
from tests.engine import wait_for

TASK = "account.work"
LATER = "select jobs.enqueue('account.work', %s, clock_timestamp() + make_interval(secs => %s))"
NOW = "select jobs.enqueue('account.work', %s)"
SETTLE = "select jobs.settle('account.work', %s, %s::float8, %s::bigint)"
SWEEP = "select queued, next_in from ctx.sweep(%s, %s)"


@pytest.fixture(scope="module")
def place(database_of_our_own: Place) -> Place:
    """A database with no other tenants: the sweep is for all of them."""
    return database_of_our_own


@pytest.fixture(scope="module")
def admin(place: Place) -> Iterator[Conn]:
    with place.admin(options="-c search_path=jobs") as conn:
        yield conn


@pytest.fixture(autouse=True)
def empty_queue(admin: Conn, company: Company) -> None:  # after what the company's seed has queued
    admin.execute("truncate jobs.procrastinate_jobs, jobs.procrastinate_workers, jobs.procrastinate_events cascade")
    admin.execute("delete from ctx.lanes")


def work(place: Place, company: Company, statement: str, *params: Any) -> None:
    with acting(place, "worker", company, commit=True) as conn:
        conn.execute(statement, params)  # pyright: ignore[reportArgumentType]


def sweep(place: Place, amount: int = 500, patience: float = 30.0) -> tuple[Any, ...]:
    with place.role("worker") as conn:
        return conn.execute(SWEEP, [amount, patience]).fetchone() or ()


def lane(admin: Conn, subject: UUID) -> tuple[float, int] | None:
    ask = "select extract(epoch from due_at - clock_timestamp())::float8, wakes from ctx.lanes where subject = %s"
    return admin.execute(ask, [subject]).fetchone()  # pyright: ignore[reportReturnType]


def jobs(admin: Conn, subject: UUID) -> list[tuple[Any, ...]]:
    ask = "select status::text, priority from jobs.procrastinate_jobs where args ->> 'subject' = %s"
    return admin.execute(ask, [str(subject)]).fetchall()


def take(admin: Conn, subject: UUID) -> None:
    """Have the lane's job run, as a worker that fetches it does."""
    assert admin.execute(
        "update jobs.procrastinate_jobs set status = 'doing' where args ->> 'subject' = %s and status = 'todo'",
        [str(subject)],
    ).rowcount


def test_the_sweep_queues_what_is_due_and_nothing_else(place: Place, admin: Conn, company: Company) -> None:
    soon, late = uuid4(), uuid4()
    work(place, company, LATER, soon, 0.05)
    work(place, company, LATER, late, 100)
    wait_for("the time", lambda: (lane(admin, soon) or (1, 0))[0] < 0)
    queued, next_in = sweep(place)
    assert queued == 1
    assert 0 < next_in <= 30
    assert jobs(admin, soon) == [("todo", 0)]
    assert jobs(admin, late) == []
    assert sweep(place)[0] == 0, "it has its job"


def test_a_job_that_is_lost_comes_again(place: Place, admin: Conn, company: Company) -> None:
    subject = uuid4()
    work(place, company, NOW, subject)
    admin.execute("delete from jobs.procrastinate_jobs")
    assert sweep(place)[0] == 0
    assert 0 < (lane(admin, subject) or (0, 0))[0] <= 30
    admin.execute("update ctx.lanes set due_at = clock_timestamp()")
    assert sweep(place, patience=7)[0] == 1
    assert 0 < (lane(admin, subject) or (0, 0))[0] <= 7


def test_a_lane_that_runs_is_not_queued_again(place: Place, admin: Conn, company: Company) -> None:
    subject = uuid4()
    work(place, company, NOW, subject)
    take(admin, subject)
    admin.execute("update ctx.lanes set due_at = clock_timestamp()")
    assert sweep(place)[0] == 0
    assert jobs(admin, subject) == [("doing", 0)]


def test_a_lane_that_ends_is_forgotten_or_waits(place: Place, admin: Conn, company: Company) -> None:
    subject = uuid4()
    work(place, company, NOW, subject)
    take(admin, subject)
    work(place, company, SETTLE, subject, 900, 0)
    assert 890 < (lane(admin, subject) or (0, 0))[0] <= 900, "its own time counts, not that of the wake"
    work(place, company, SETTLE, subject, None, 0)
    assert lane(admin, subject) is None
    admin.execute("delete from jobs.procrastinate_jobs")
    work(place, company, SETTLE, subject, 0, 0)
    assert jobs(admin, subject) == [("todo", 0)]


def test_a_wake_at_a_lanes_end_is_not_overruled(place: Place, admin: Conn, company: Company) -> None:
    subject = uuid4()
    work(place, company, NOW, subject)
    take(admin, subject)
    seen = (lane(admin, subject) or (0, 0))[1]
    work(place, company, LATER, subject, 5)
    work(place, company, SETTLE, subject, 900, seen)
    assert (lane(admin, subject) or (900, 0))[0] <= 5
    work(place, company, SETTLE, subject, None, seen)
    assert lane(admin, subject) is not None
    work(place, company, NOW, subject)
    work(place, company, SETTLE, subject, 900, None)
    assert (lane(admin, subject) or (900, 0))[0] <= 5, "a job waits"


def test_a_wake_that_is_not_committed_yet_is_waited_for(place: Place, admin: Conn, company: Company) -> None:
    subject = uuid4()
    work(place, company, NOW, subject)
    take(admin, subject)
    seen = (lane(admin, subject) or (0, 0))[1]
    ended = threading.Thread(target=work, args=(place, company, SETTLE, subject, None, seen))
    with place.role("worker") as conn:
        with conn.transaction():
            enter(conn, "worker", company)
            conn.execute(LATER, [subject, 5])
            ended.start()
            wait_for("the end that waits", lambda: value(
                admin, "select exists (select from pg_stat_activity where wait_event_type = 'Lock')"
            ))  # fmt: skip
        ended.join()
    assert lane(admin, subject) is not None


def test_what_is_urgent_goes_first(place: Place, admin: Conn, company: Company) -> None:
    first, second = uuid4(), uuid4()
    work(place, company, NOW, first)
    work(place, company, NOW, second)
    work(place, company, "select jobs.enqueue('account.work', %s, null, true)", second)
    work(place, company, NOW, second)
    assert jobs(admin, second) == [("todo", 10)], "a later wake takes nothing away from it"
    worker = value(admin, "insert into jobs.procrastinate_workers default values returning id")
    fetched = admin.execute("select (jobs.procrastinate_fetch_job_v2('{account}', %s)).args", [worker]).fetchone()
    assert fetched
    assert fetched[0]["subject"] == str(second)


def test_one_sweeps_at_a_time_and_waits_for_no_change(place: Place, admin: Conn, company: Company) -> None:
    subject, other = uuid4(), uuid4()
    for each in (subject, other):
        work(place, company, LATER, each, 100)
    admin.execute("update ctx.lanes set due_at = clock_timestamp()")
    with place.role("worker") as conn, conn.transaction():
        assert conn.execute(SWEEP, [500, 30]).fetchone() != (None, None)
        assert sweep(place) == (None, None)
    with place.role("worker") as conn, conn.transaction():
        admin.execute("update ctx.lanes set due_at = clock_timestamp()")
        admin.execute("delete from jobs.procrastinate_jobs")
        enter(conn, "worker", company)
        conn.execute(LATER, [subject, 1])  # a change that is not committed yet
        assert sweep(place)[0] == 1, "the other one"


def test_the_lanes_of_a_tenant_that_is_gone_go(place: Place, admin: Conn, company: Company) -> None:
    work(place, company, LATER, uuid4(), 100)
    admin.execute("update ctx.lanes set due_at = clock_timestamp()")
    admin.execute("update ctx.tenants set deleted_at = now() where org_id = %s", [company.org_id])
    assert sweep(place)[0] == 0
    assert value(admin, "select count(*) from ctx.lanes") == 0
    admin.execute("update ctx.tenants set deleted_at = null where org_id = %s", [company.org_id])


@pytest.mark.parametrize("tier", ["org", "company", "public", "platform"])
def test_only_workers_sweep(place: Place, company: Company, tier: str) -> None:
    with place.role(tier) as conn:
        for statement in ("select * from ctx.sweep(1, 1)", "select ctx.reconcile(1)", "select * from ctx.lanes"):
            assert attempt(conn, statement).sqlstate == "42501"
    with acting(place, "worker", company) as conn:
        for statement in ("select * from ctx.sweep(1, 1)", "select ctx.reconcile(1)"):
            assert attempt(conn, statement).sqlstate == "55000", "not inside a context"


def steps(place: Place, company: Company) -> dict[str, float]:
    with acting(place, "worker", company) as conn:
        rows = conn.execute("select * from jobs.steps_of(%s)", [company.rows["provider_accounts"]]).fetchall()
    return {step: due_in for step, due_in, _ in rows if step is not None}


STEPS = {
    "recover_pushes": "update outbound.campaign_leads set push_state = 'sending', push_attempt_id = id, "
    "push_attempted_at = now(), pushed_at = null where id = %(campaign_leads)s",
    "settle_pushes": "update outbound.campaign_leads set push_state = 'uncertain', push_attempt_id = id, "
    "push_attempted_at = now(), pushed_at = null where id = %(campaign_leads)s",
    "push_leads": "update outbound.campaign_leads set push_state = 'pending', status = 'queued', pushed_at = null "
    "where id = %(campaign_leads)s",
    "stop_leads": "update outbound.campaign_leads set stop_state = 'due', stop_reason = 'replied' "
    "where id = %(campaign_leads)s",
    "pause_leads": "update outbound.campaign_leads set pause_state = 'pause' where id = %(campaign_leads)s",
    "pause_campaigns": "update outbound.campaigns set status = 'paused' where id = %(campaigns)s",
    "start_campaigns": "update outbound.campaign_bindings set remote_status = 'paused' "
    "where id = %(campaign_bindings)s",
    "sync_campaigns": "update outbound.campaigns set revision = revision + 1 where id = %(campaigns)s",
    "poll_campaigns": "update outbound.campaign_bindings set poll_at = now() where id = %(campaign_bindings)s",
    "read_senders": "update outbound.connections set senders_synced_at = null where id = %(connections)s",
    "finish_closing": "update outbound.connections set closing_at = now() where id = %(connections)s",
    "check_domains": "update outbound.senders set status = 'active' where id = %(senders)s",
    "read_threads": "update outbound.conversations set read_at_provider = now() where id = %(conversations)s",
    "send_replies": "insert into outbound.messages (org_id, company_id, conversation_id, direction, state, text) "
    "values (%(organizations)s, %(companies)s, %(conversations)s, 'outgoing', 'queued', 'Hello')",
}
LATER_STEPS = {
    "poll_campaigns": "update outbound.campaign_bindings set poll_at = now() + interval '1 hour' "
    "where id = %(campaign_bindings)s",
    "pause_leads": "update outbound.campaign_leads set status = 'paused', rests_until = now()::date + 3 "
    "where id = %(campaign_leads)s",
    "settle_pushes": "update outbound.campaign_leads set push_state = 'uncertain', push_attempt_id = id, "
    "push_attempted_at = now(), push_ask_after = now() + interval '1 hour', pushed_at = null "
    "where id = %(campaign_leads)s",
}


def idle(admin: Conn, company: Company) -> None:
    """Leave a company nothing to do."""
    with untriggered(admin):
        for statement in (
            "update outbound.connections set senders_synced_at = now()",
            "update outbound.senders set status = 'disconnected'",
            "update outbound.campaigns set status = 'active', started_at = now(), synced_revision = revision",
            "update outbound.campaign_leads set push_state = 'pushed', status = 'active', pushed_at = now()",
            "update outbound.campaign_bindings set remote_status = 'active', external_id = '23'",
            "update outbound.conversations set read_at_provider = null",
        ):
            admin.execute(statement + " where company_id = %s", [company.id])  # pyright: ignore[reportArgumentType]
        admin.execute("delete from outbound.messages where state = 'queued'")
        admin.execute("update outbound.provider_accounts set block_list_due = false")


@pytest.mark.parametrize("step", STEPS)
def test_one_statement_says_which_steps_are_due(place: Place, admin: Conn, company: Company, step: str) -> None:
    idle(admin, company)
    assert steps(place, company) == {}
    with untriggered(admin):
        assert admin.execute(STEPS[step], company.rows).rowcount == 1  # pyright: ignore[reportArgumentType]
    found = steps(place, company)
    assert step in found
    assert found[step] <= 0


@pytest.mark.parametrize("step", LATER_STEPS)
def test_and_when_others_will_be(place: Place, admin: Conn, company: Company, step: str) -> None:
    idle(admin, company)
    with untriggered(admin):
        assert admin.execute(LATER_STEPS[step], company.rows).rowcount == 1  # pyright: ignore[reportArgumentType]
    assert 3000 < steps(place, company)[step] < 4 * 86400


def test_what_was_forgotten_is_found_a_few_organizations_at_a_time(place: Place, admin: Conn, company: Company) -> None:
    for number in range(4):
        put(admin, "organizations", {"name": "Bare", "slug": f"bare-{number}-{uuid4().hex[:6]}"})
    idle(admin, company)
    with untriggered(admin):
        admin.execute(STEPS["push_leads"], company.rows)
    admin.execute("update ctx.rounds set finished_at = null, last_org_id = null")
    found: list[int] = []
    with place.role("worker") as conn:
        while (missing := value(conn, "select ctx.reconcile(2)")) is not None:
            found.append(missing)
    assert sum(found) >= 1
    assert len(found) >= 3, "two organizations at a time"
    assert lane(admin, company.rows["provider_accounts"]) is not None
    assert sweep(place)[0] >= 1
    with place.role("worker") as conn:
        assert value(conn, "select ctx.reconcile(2)") is None, "not again so soon"
        assert conn.execute("select * from ctx.due_work()").fetchall() == []
