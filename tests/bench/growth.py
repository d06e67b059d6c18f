"""What must not grow with tenants and rows: the sweep, an idle lane's question, unsubscribing, facts, figures."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from api.campaigns.figures import SQL as FIGURES
from api.db.identity import AuthContext
from api.db.pool import Tx
from api.db.queries import load
from api.events.jobs import project_facts
from api.leads.routes import SQL as ROUTES
from api.leads.schemas import PUSH_STATES
from providers.models import Fact, ProviderEvent
from tests.bench.data import lasting_ticket
from tests.bench.ground import Ground, cpu_seconds
from tests.bench.report import Report
from tests.database import test_growing as deep
from tests.database.tenants import seed_organization, untriggered

SQL = load(Path(__file__).with_name("growth.sql")).statements
ORGANIZATIONS = (20, 1_000, 10_000)
REPEATS = 9
PEOPLE = {"1x": 30_000, "10x": 300_000}


def measure(ground: Ground, report: Report) -> None:
    """Add tenants and people, and measure Postgres' processor time of each question at each size."""
    _wide(ground, report)
    _deep(ground, report)


def _wide(ground: Ground, report: Report) -> None:
    there = 0
    sweeps: dict[int, list[float]] = {}
    lanes: dict[int, list[float]] = {}
    for amount in ORGANIZATIONS:
        ground.say(f"loading {amount:,} organizations")
        with ground.connect() as conn:
            conn.execute("set session_replication_role = replica")
            for first in range(there + 1, amount + 1, 500):
                conn.execute(SQL["add_organizations"].sql, {"first": first, "last": min(first + 499, amount)})
            conn.execute(SQL["analyze"].sql)
            org_id, account_id = conn.execute(SQL["a_tenant"].sql).fetchone() or ()
        there = amount
        with psycopg.connect(ground.home.database_url("worker"), autocommit=True) as conn:
            sweeps[amount] = _costs(conn, partial(conn.execute, b"select * from ctx.sweep(500, 30)"))
            lanes[amount] = _costs(conn, partial(_steps, ground, conn, org_id, account_id))
        report.add(f"sweep at {amount:,} organizations, processor seconds", median(sweeps[amount]), target="< 0.05")
        report.add(f"an idle lane's question at {amount:,} organizations, seconds", median(lanes[amount]))


def _steps(ground: Ground, conn: psycopg.Connection[Any], org_id: UUID, account_id: UUID) -> None:
    with conn.transaction():
        conn.execute("select ctx.open_job(%s)", [lasting_ticket(ground, "job", str(org_id))])
        conn.execute("select * from jobs.steps_of(%s)", [account_id])


def _costs(conn: psycopg.Connection[Any], work: Callable[[], object], times: int = 20) -> list[float]:
    """Return the processor time of one piece of work in this connection's backend, several times over."""
    pid = conn.info.backend_pid
    work()
    found: list[float] = []
    for _ in range(REPEATS):
        begun = cpu_seconds(pid)
        for _ in range(times):
            work()
        found.append((cpu_seconds(pid) - begun) / times)
    return found


def _deep(ground: Ground, report: Report) -> None:
    costs: dict[str, dict[str, float]] = {}
    for size, people in PEOPLE.items():
        ground.say(f"loading a company of {people:,} people")
        with ground.connect() as conn:
            (company,) = seed_organization(conn)
            ids = {
                "org": company.org_id, "company": company.id, "people": people,
                "campaign": company.rows["campaigns"], "connection": company.rows["connections"],
            }  # fmt: skip
            with untriggered(conn):
                conn.execute(deep.LARGE, ids)
                conn.execute(deep.EVENTS, ids)
                conn.execute("update outbound.event_counters set last_sequence = 10000000")
            conn.execute(SQL["analyze"].sql)
        for name, work in _questions(ground, company, people).items():
            costs.setdefault(name, {})[size] = work()
    for name, found in costs.items():
        target = TARGETS.get(name)
        ok = None if target is None else found["10x"] < target
        report.add(f"{name}, 10x, processor seconds", found["10x"], target=target and f"< {target}", ok=ok)
        ratio = found["10x"] / max(found["1x"], 1e-4)
        report.add(f"{name}, 10x / 1x", ratio, target="<= 1.2", ok=ratio <= 1.2)


TARGETS = {"100 unsubscribes": 0.3, "100 facts": 0.15}


def _questions(ground: Ground, company: Any, people: int) -> dict[str, Callable[[], float]]:
    return {
        "100 unsubscribes": lambda: _unsubscribes(ground, company),
        "100 facts": lambda: _facts(ground, company, people),
        "a filter by a state that no person is in": lambda: _filter(ground, company),
        "a campaign's figures": lambda: _figures(ground, company),
    }


def _unsubscribes(ground: Ground, company: Any) -> float:
    put = (
        "insert into outbound.suppressions (company_id, kind, value, value_key, source)"
        " select %s, 'email', k, k, 'unsubscribed'"
        " from (select 'p' || n || '@large.example' as k from generate_series(%s::integer, %s) as n) as g"
    )
    found: list[float] = []
    with psycopg.connect(ground.home.database_url("worker"), autocommit=True) as conn:
        for number in range(REPEATS):
            begun = cpu_seconds(conn.info.backend_pid)
            with conn.transaction():
                conn.execute("select ctx.open_job(%s)", [lasting_ticket(ground, "job", str(company.org_id))])
                conn.execute(put, [company.id, number * 100 + 1, number * 100 + 100])
                while (conn.execute("select outbound.mark_suppressed(5000)").fetchone() or (0,))[0]:
                    pass
            found.append(cpu_seconds(conn.info.backend_pid) - begun)
    return median(found)


def _facts(ground: Ground, company: Any, people: int) -> float:
    async def inside() -> float:
        found: list[float] = []
        url = ground.home.database_url("worker")
        async with await psycopg.AsyncConnection.connect(url, autocommit=True, row_factory=dict_row) as conn:
            for number in range(REPEATS):
                facts = [
                    ProviderEvent(
                        Fact.OPENED, f"o:{number}:{n}", f"o:{number}:{n}", "23", f"p{n}@large.example", None,
                        datetime.now(UTC), {"step": 2},
                    )
                    for n in range(people - 100 * (number + 1), people - 100 * number)
                ]  # fmt: skip
                begun = cpu_seconds(conn.info.backend_pid)
                async with conn.transaction():
                    await conn.execute("select ctx.open_job(%s)", [lasting_ticket(ground, "job", str(company.org_id))])
                    tx = Tx(conn, AuthContext(company.org_id, None, None, None, "worker"))
                    assert len(await project_facts(tx, company.id, company.rows["connections"], facts)) == len(facts)
                found.append(cpu_seconds(conn.info.backend_pid) - begun)
        return median(found)

    return asyncio.run(inside())


def _filter(ground: Ground, company: Any) -> float:
    params = {
        "campaign_id": company.rows["campaigns"], "statuses": ["bounced"], "push_states": PUSH_STATES, "before": None,
        "page_size": 50,
    }  # fmt: skip
    return _read(ground, company, lambda conn: conn.execute(ROUTES.list_campaign_leads_by_state.sql, params))


def _figures(ground: Ground, company: Any) -> float:
    return _read(ground, company, lambda conn: conn.execute(
        FIGURES.campaign_stats.sql, {"id": company.rows["campaigns"]}
    ))  # fmt: skip


def _read(ground: Ground, company: Any, ask: Callable[[psycopg.Connection[Any]], object]) -> float:
    with psycopg.connect(ground.home.database_url("company"), autocommit=True) as conn:

        def once() -> None:
            with conn.transaction():
                conn.execute("select * from ctx.open(%s)", [lasting_ticket(ground, "token", company.token)])
                ask(conn)

        return median(_costs(conn, once))
