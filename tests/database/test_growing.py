"""What work costs depends on what it is about, not on how much there is: rows read, also inside functions and triggers,
with a large campaign of a large company beside a thousand small ones, whatever the statistics say."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import dict_row
from pytest_postgresql.executors import NoopExecutor

import api.campaigns.jobs as campaigns_module
import api.leads.jobs as leads_module
import api.leads.routes as routes_module
from api.campaigns.figures import SQL as FIGURES
from api.db.identity import AuthContext
from api.db.pool import Tx
from api.db.queries import beside
from api.events.jobs import project_facts
from api.leads.schemas import PUSH_STATES, STATUSES
from providers.models import Fact, ProviderEvent
from tests.conftest import ROLE_PASSWORD
from tests.database.migrating import database, run
from tests.database.tenants import KIND_OF, TICKETS, Company, Conn, Place, enter, mark, seed_organization, untriggered

PEOPLE = 20_000
SMALL = 1_000  # companies beside the large one
MOST = 60 * 100  # rows that a hundred facts may read
LEADS, CAMPAIGNS, ROUTES = (
    beside(str(Path(module.__file__ or "")), name)
    for module, name in ((leads_module, "jobs.sql"), (campaigns_module, "jobs.sql"), (routes_module, "queries.sql"))
)
# Counts are rows of their own until they are made one, and those that were are read until they are vacuumed.
READ = """
    select coalesce(sum(s.seq_tup_read + s.idx_tup_fetch), 0)::bigint + (
      select coalesce(sum(pg_stat_get_xact_tuples_returned(i.indexrelid)), 0)::bigint
      from pg_index as i
      inner join pg_class as c on c.oid = i.indrelid
      where c.relnamespace = 'outbound'::regnamespace and c.relname <> 'campaign_lead_counts'
    ) as amount
    from pg_stat_xact_user_tables as s
    where s.schemaname = 'outbound' and s.relname <> 'campaign_lead_counts'
"""
COMPANIES = """
    with made as (
      insert into outbound.companies (org_id, name)
      select %(org)s, 'Small ' || n from generate_series(1, %(small)s) as n
      returning id
    ),

    started as (
      insert into outbound.campaigns (org_id, company_id, name, capability, status, started_at)
      select %(org)s, m.id, 'C', 'email_outreach', 'active', now() from made as m
      returning company_id, id
    ),

    known as (
      insert into outbound.leads (org_id, company_id, email, email_key, domain_key)
      select %(org)s, m.id, 'p' || n || '@x.example', 'p' || n || '@x.example', 'x.example'
      from made as m cross join generate_series(1, 5) as n
      returning company_id, id
    )

    insert into outbound.campaign_leads (org_id, company_id, campaign_id, lead_id)
    select %(org)s, k.company_id, s.id, k.id from known as k inner join started as s on k.company_id = s.company_id
"""
LARGE = """
    with known as (
      insert into outbound.leads (org_id, company_id, email, email_key, domain_key)
      select %(org)s, %(company)s, k, k, 'large.example'
      from (select 'p' || n || '@large.example' as k from generate_series(1, %(people)s) as n) as g
      returning id, email_key
    )

    insert into outbound.campaign_leads (
      org_id, company_id, campaign_id, lead_id, status, push_state, push_attempt_id, push_attempted_at, pushed_at
    )
    select
      %(org)s, %(company)s, %(campaign)s, k.id, case when h.handed then 'active' else 'queued' end,
      case when h.handed then 'pushed' else 'pending' end, gen_random_uuid(), now() - interval '1 day',
      case when h.handed then now() - interval '1 day' end
    from known as k
    cross join lateral (select hashtext(k.email_key) %% 2 = 0 as handed) as h
"""
EVENTS = """
    insert into outbound.events (
      org_id, company_id, sequence, type, connection_id, event_key, campaign_id, lead_id, data, occurred_at
    )
    select
      %(org)s, %(company)s, 1 + row_number() over (), 'message.sent', %(connection)s, 'sent:' || e.id, e.campaign_id,
      e.lead_id, '{"step": 1}', now()
    from outbound.campaign_leads as e
    where e.company_id = %(company)s and e.campaign_id = %(campaign)s
"""
TABLES = "outbound.campaigns, outbound.leads, outbound.campaign_leads, outbound.events"


@dataclass(frozen=True)
class Large:
    """A large company, in a database with statistics of one kind."""

    place: Place
    company: Company


@pytest.fixture(scope="module", params=["fresh", "stale", "stale since the first row"])
def large(request: pytest.FixtureRequest, postgresql_noproc: NoopExecutor) -> Iterator[Large]:
    with database(postgresql_noproc, "template template0") as place:
        run(place)
        with place.admin() as admin:
            yield Large(place, fill(admin, request.param))


def fill(admin: Conn, statistics: str) -> Company:
    for table in TABLES.replace("outbound.", "").split(", "):
        admin.execute(f"alter table outbound.{table} set (autovacuum_enabled = off)".encode())
    (company,) = seed_organization(admin)
    ids = {
        "org": company.org_id, "company": company.id, "small": SMALL, "people": PEOPLE,
        "campaign": company.rows["campaigns"], "connection": company.rows["connections"],
    }  # fmt: skip
    analyze = f"analyze {TABLES}".encode()
    if statistics.endswith("first row"):
        admin.execute(analyze)
    with untriggered(admin):
        admin.execute(COMPANIES, ids)
        if statistics == "stale":
            admin.execute(analyze)
        admin.execute(LARGE, ids)
        admin.execute(EVENTS, ids)
        admin.execute("update outbound.event_counters set last_sequence = 1000000")
        admin.execute("update outbound.campaigns set revision = 1, synced_revision = 1")
        admin.execute("update outbound.campaign_bindings set remote_status = 'active'")
    if statistics == "fresh":
        admin.execute(analyze)
    admin.execute("analyze outbound.companies")
    return company


@asynccontextmanager
async def working(large: Large) -> Any:
    """Open a worker's transaction that is undone in the end."""
    info = large.place
    conn = await psycopg.AsyncConnection.connect(
        host=info.host, port=info.port, dbname=info.dbname, user="outbound_worker", password=ROLE_PASSWORD,
        autocommit=True, row_factory=dict_row, prepare_threshold=2,
    )  # fmt: skip
    async with conn, conn.transaction(force_rollback=True):
        ticket = TICKETS.sign(KIND_OF["worker"], str(large.company.org_id))
        await conn.execute("select ctx.open_job(%s)", [ticket])
        yield Tx(conn, AuthContext(large.company.org_id, None, None, None, "worker")), conn


def cost(large: Large, work: Callable[[Tx], Awaitable[Any]]) -> tuple[int, Any]:
    """Return how many rows and index entries some work of a worker reads, and what it returns."""

    async def inside() -> tuple[int, Any]:
        async with working(large) as (tx, conn):
            result = await work(tx)
            row = await (await conn.execute(READ)).fetchone()
            return int(row["amount"]), result

    return asyncio.run(inside())


def facts(kind: Fact, amount: int = 100) -> list[ProviderEvent]:
    data: dict[str, object] = {"step": 2}
    if kind is Fact.AUTO_REPLIED:
        data["until"] = "2026-12-24"
    return [
        ProviderEvent(kind, f"{kind}:{n}", f"{kind}:{n}", "23", f"p{n}@large.example", None, datetime.now(UTC), data)
        for n in range(1, amount + 1)
    ]


@pytest.mark.parametrize("kind", list(Fact))
def test_facts_find_the_person_by_key(large: Large, kind: Fact) -> None:
    company = large.company

    async def work(tx: Tx) -> int:
        found = await project_facts(tx, company.id, company.rows["connections"], facts(kind))
        return len(found)

    amount, found = cost(large, work)
    assert found == 100
    assert amount < MOST


def test_a_batch_is_locked_and_written_down_by_key(large: Large) -> None:
    company, attempt = large.company, uuid4()
    params = {
        "account_id": company.rows["provider_accounts"], "attempt_id": attempt, "batch": 100, "running_only": False,
    }  # fmt: skip

    async def work(tx: Tx) -> int:
        rows = await tx.many(LEADS.claim_leads, params)
        result = {
            "company_id": company.id, "attempt_id": attempt, "outcome": "pushed", "reason": None, "external_id": "7",
        }  # fmt: skip
        return await tx.each(LEADS.record_result, [{**result, "id": row["id"]} for row in rows])

    amount, written = cost(large, work)
    assert written == 100
    assert amount < MOST


@pytest.mark.parametrize("query", ["recover_pushes", "uncertain_leads", "leads_to_stop", "leads_to_pause", "end_rests"])
def test_a_lane_that_has_nothing_to_do_reads_no_people(large: Large, query: str) -> None:
    params = {"account_id": large.company.rows["provider_accounts"], "settle_after": 30.0}

    async def work(tx: Tx) -> list[Any]:
        statement = getattr(LEADS, query)
        return (
            await tx.many(statement, params)
            if query.startswith(("uncertain", "leads"))
            else [await tx.run(statement, params)][1:]
        )

    amount, rows = cost(large, work)
    assert rows == []
    assert amount < 4 * SMALL + 200  # a few entries of each campaign, and no people


@pytest.mark.parametrize("active", [True, False])
def test_starting_and_pausing_campaigns_reads_no_people(large: Large, *, active: bool) -> None:
    params = {"account_id": large.company.rows["provider_accounts"], "active": active, "at_once": False}

    async def work(tx: Tx) -> list[Any]:
        await tx.run(CAMPAIGNS.note_remote_status, {
            "company_id": large.company.id, "id": large.company.rows["campaigns"], "remote_status": "paused",
            "every": 900.0,
        })  # fmt: skip
        return await tx.many(CAMPAIGNS.campaigns_to_switch, params)

    amount, _ = cost(large, work)
    assert amount < 200


def test_unsubscribing_marks_by_key(large: Large) -> None:
    company = large.company
    put = (
        "insert into outbound.suppressions (company_id, kind, value, value_key, source)"
        " select %s, 'email', k, k, 'unsubscribed'"
        " from (select 'p' || n || '@large.example' as k from generate_series(1, 100) as n) as g"
    )

    async def work(tx: Tx) -> int:
        conn = tx._conn
        await conn.execute(put.encode(), [company.id])
        marked = 1
        while marked:
            row = await (await conn.execute("select outbound.mark_suppressed(5000) as marked")).fetchone()
            marked = row["marked"] if row else 0
        return 0

    amount, _ = cost(large, work)
    assert amount < 100 * 100 + 10 * SMALL


@pytest.mark.parametrize("large", ["fresh", "stale"], indirect=True, scope="module")
@pytest.mark.parametrize("tier", ["company", "org"])
@pytest.mark.parametrize(
    ("statuses", "push_states", "found"),
    [
        (["replied"], PUSH_STATES, 0), (STATUSES, ["uncertain"], 0), (["bounced"], ["failed"], 0),
        (["active"], PUSH_STATES, 50), (STATUSES, ["pushed"], 50),
    ],
)  # fmt: skip
def test_filters_read_what_they_show(
    large: Large, tier: str, statuses: list[str], push_states: list[str], found: int
) -> None:
    params = {
        "campaign_id": large.company.rows["campaigns"], "statuses": statuses, "push_states": push_states,
        "before": None, "page_size": 50,
    }  # fmt: skip
    with large.place.role(tier) as conn, conn.transaction(force_rollback=True):
        enter(conn, tier, large.company)
        row = conn.execute(ROUTES.list_campaign_leads_by_state.sql, params).fetchone()
        assert row is not None
        assert len(json.loads(str(row[0]) if isinstance(row[0], str) else json.dumps(row[0]))["data"]) == found
        (amount,) = conn.execute(READ.encode()).fetchone() or (0,)
    assert amount < 1500


@pytest.mark.parametrize("tier", ["company", "org"])
def test_figures_read_sums(large: Large, tier: str) -> None:
    with large.place.role(tier) as conn, conn.transaction(force_rollback=True):
        enter(conn, tier, large.company)
        assert conn.execute(FIGURES.campaign_stats.sql, {"id": large.company.rows["campaigns"]}).fetchone()
        (amount,) = conn.execute(READ.encode()).fetchone() or (0,)
    assert amount < 200


def test_suppressing_ends_by_job(large: Large) -> None:
    """The last of the module: it changes the company for good."""
    with large.place.role("company") as conn, conn.transaction():
        enter(conn, "company", large.company)
        conn.execute(
            "insert into outbound.suppressions (company_id, kind, value, value_key) "
            "values (%s, 'domain', 'large.example', 'large.example')",
            [large.company.id],
        )
        (amount,) = conn.execute(READ.encode()).fetchone() or (0,)
    assert amount < 20 + 2 * SMALL  # companies
    goes = mark(large.place, large.company)
    assert goes < 10
