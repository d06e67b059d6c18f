"""Figures are what they count, by every writer and however often; a recount proves it and mends what is not."""

import asyncio
import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import dict_row

from api.db.identity import AuthContext
from api.db.pool import Tx
from api.events.jobs import project_facts
from api.ops.stats_cli import recount_all
from providers.models import Fact, ProviderEvent
from tests.conftest import role_url
from tests.database.tenants import KIND_OF, TICKETS, Company, Conn, put, seed_organization
from tests.support.in_process import settings_of

PEOPLE = 40
HOURLY = """
    select hour, type, step, sender_id, sum(amount)::bigint as amount from outbound.stats_hourly
    where company_id = %s group by 1, 2, 3, 4 having sum(amount) <> 0
"""
COUNTED = """
    select date_trunc('hour', occurred_at, 'UTC') as hour, type, (data ->> 'step')::integer as step, sender_id, count(*)
    from outbound.events where company_id = %s and campaign_id is not null and lead_id is not null group by 1, 2, 3, 4
"""
TOTALS = "select campaign_id, type, step, amount from outbound.stats_totals where company_id = %s and amount <> 0"
SUMS = """
    select campaign_id, type, (data ->> 'step')::integer, count(*) from outbound.events
    where company_id = %s and campaign_id is not null and lead_id is not null group by 1, 2, 3
"""
STANDING = """
    select campaign_id, status, push_state, push_reason, sum(amount)::bigint from outbound.campaign_lead_counts
    where company_id = %s group by 1, 2, 3, 4 having sum(amount) <> 0
"""
STANDS = """
    select campaign_id, status, push_state, case when push_state = 'failed' then push_reason end, count(*)
    from outbound.campaign_leads where company_id = %s and deleted_at is null group by 1, 2, 3, 4
"""
HANDOVERS = """
    select campaign_id, hour, sum(amount)::bigint from outbound.handover_counts
    where company_id = %s group by 1, 2 having sum(amount) <> 0
"""
HANDED_OVER = """
    select campaign_id, date_trunc('hour', pushed_at, 'UTC'), count(*) from outbound.campaign_leads
    where company_id = %s and pushed_at is not null group by 1, 2
"""


def same(conn: Conn, company: Company) -> bool:
    """Whether all figures of a company are what they count."""
    return all(
        sorted(map(str, conn.execute(kept, [company.id]).fetchall()))  # pyright: ignore[reportArgumentType]
        == sorted(map(str, conn.execute(counted, [company.id]).fetchall()))  # pyright: ignore[reportArgumentType]
        for kept, counted in ((HOURLY, COUNTED), (TOTALS, SUMS), (STANDING, STANDS), (HANDOVERS, HANDED_OVER))
    )


def people(conn: Conn, company: Company, amount: int = PEOPLE) -> None:
    for number in range(amount):
        key = f"p{number}@figures.example"
        lead = put(conn, "leads", {
            "org_id": company.org_id, "company_id": company.id, "email": key, "email_key": key,
            "domain_key": "figures.example",
        })  # fmt: skip
        put(conn, "campaign_leads", {
            "org_id": company.org_id, "company_id": company.id, "campaign_id": company.rows["campaigns"],
            "lead_id": lead,
        })  # fmt: skip


def event(fact: Fact, number: int, moment: datetime, **data: Any) -> ProviderEvent:
    key = f"{fact}:{number}:{moment:%H%M%S%f}"
    return ProviderEvent(fact, key, None, "23", f"p{number}@figures.example", None, moment, {"step": 1, **data})


async def _project(postgresql: Connection[Any], company: Company, facts: list[ProviderEvent]) -> int:
    info = postgresql.info
    url = role_url("worker", f"{info.host}:{info.port}/{info.dbname}")
    conn = await psycopg.AsyncConnection.connect(url, autocommit=True, row_factory=dict_row)
    async with conn, conn.transaction():
        await conn.execute("select ctx.open_job(%s)", [TICKETS.sign(KIND_OF["worker"], str(company.org_id))])
        tx = Tx(conn, AuthContext(company.org_id, None, None, None, "worker"))
        found = await project_facts(tx, company.id, company.rows["connections"], facts)
        await tx.close()
    return len(found)


def project(postgresql: Connection[Any], company: Company, facts: list[ProviderEvent]) -> int:
    return asyncio.run(_project(postgresql, company, facts))


def made(postgresql: Connection[Any]) -> Company:
    postgresql.autocommit = True
    # What the seed writes by itself is of no event.
    company = seed_organization(postgresql)[0]
    for table in ("stats_hourly", "stats_totals", "campaign_lead_counts", "handover_counts"):
        postgresql.execute(f"delete from outbound.{table}".encode())  # noqa: S608
    postgresql.execute("delete from outbound.events")
    postgresql.execute("update outbound.event_counters set last_sequence = 0")
    people(postgresql, company)
    postgresql.execute("update outbound.campaign_leads set push_state = push_state")
    recounted(postgresql, mend=True)
    return company


def recounted(postgresql: Connection[Any], *, mend: bool) -> int:
    settings = settings_of(postgresql)
    _, wrong = asyncio.run(recount_all(settings, mend=mend, say=lambda _: None))
    return wrong


def test_figures_follow_whatever_happens(postgresql: Connection[Any]) -> None:
    company = made(postgresql)
    dice = random.Random(7)
    began = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    for _ in range(25):
        facts = [
            event(
                dice.choice(list(Fact)), dice.randrange(PEOPLE), began + timedelta(minutes=dice.randrange(600)),
                step=dice.choice([None, 1, 2, 3]),
            )
            for _ in range(dice.randrange(1, 30))
        ]  # fmt: skip
        project(postgresql, company, facts)
        project(postgresql, company, facts)  # a second time: nothing is counted twice
        assert same(postgresql, company)
    lead = postgresql.execute("select id from outbound.campaign_leads where status = 'queued' limit 1").fetchone()
    if lead:
        postgresql.execute("update outbound.campaign_leads set deleted_at = now() where id = %s", [lead[0]])
    assert same(postgresql, company)
    assert recounted(postgresql, mend=False) == 0


def test_how_many_were_handed_over_is_counted_by_the_hour_and_stays(postgresql: Connection[Any]) -> None:
    company = made(postgresql)
    postgresql.execute("update outbound.campaigns set status = 'active' where id = %s", [company.rows["campaigns"]])
    info = postgresql.info
    url = role_url("worker", f"{info.host}:{info.port}/{info.dbname}")
    with psycopg.connect(url, autocommit=True) as conn, conn.transaction():
        conn.execute("select ctx.open_job(%s)", [TICKETS.sign(KIND_OF["worker"], str(company.org_id))])
        conn.execute(
            "update outbound.campaign_leads set push_state = 'sending', push_attempt_id = id, "
            "push_attempted_at = now() where company_id = %s and push_state = 'pending'",
            [company.id],
        )
        conn.execute(
            "update outbound.campaign_leads as e set push_state = 'pushed', pushed_at = %s::timestamptz + n.hours "
            "from (select id, make_interval(hours => (row_number() over (order by id) %% 3)::integer) as hours "
            "from outbound.campaign_leads where push_state = 'sending') as n where e.id = n.id",
            [datetime(2026, 4, 1, 10, 30, tzinfo=UTC)],
        )
    counted = sorted(row[1] for row in postgresql.execute(
        "select hour, sum(amount)::integer from outbound.handover_counts where company_id = %s "
        "and hour between '2026-04-01 10:00Z' and '2026-04-01 12:00Z' group by hour", [company.id],
    ).fetchall())  # fmt: skip
    assert (len(counted), sum(counted)) == (3, PEOPLE + 2)  # two are the seed's
    assert same(postgresql, company)
    postgresql.execute(
        "update outbound.campaign_leads set deleted_at = now() "
        "where pushed_at < '2026-04-01 11:00Z' and company_id = %s",
        [company.id],
    )
    assert same(postgresql, company)
    assert recounted(postgresql, mend=False) == 0
    postgresql.execute("delete from outbound.handover_counts where hour = '2026-04-01 10:00Z'")
    assert recounted(postgresql, mend=False) == 1
    recounted(postgresql, mend=True)
    assert same(postgresql, company)


def test_whose_mail_it_was_is_known_of_what_follows(postgresql: Connection[Any]) -> None:
    company = made(postgresql)
    box, spare = company.rows["senders"], company.spare["senders"]
    postgresql.execute(
        "insert into outbound.sender_bindings (org_id, company_id, sender_id, connection_id, external_id) "
        "values (%s, %s, %s, %s, '18')",
        [company.org_id, company.id, spare, company.rows["connections"]],
    )
    now = datetime(2026, 4, 1, 10, tzinfo=UTC)
    project(postgresql, company, [
        event(Fact.SENT, 1, now, **{"from": "Box@sender.example"}),
        event(Fact.OPENED, 1, now + timedelta(minutes=1)),
        event(Fact.SENT, 2, now, **{"from": "spare@sender.example"}),
        event(Fact.SENT, 3, now, **{"from": "other@sender.example"}),
    ])  # fmt: skip
    project(postgresql, company, [
        event(Fact.REPLIED, 1, now + timedelta(hours=1), **{"from": "p1@figures.example"}),
        event(Fact.BOUNCED, 2, now + timedelta(hours=1)),
        event(Fact.OPENED, 3, now + timedelta(hours=1)),
    ])  # fmt: skip
    rows = postgresql.execute(
        "select type, sender_id from outbound.events where lead_id is not null order by sequence"
    ).fetchall()
    assert rows == [
        ("message.sent", box), ("message.opened", box), ("message.sent", spare), ("message.sent", None),
        ("message.replied", box), ("message.bounced", spare), ("message.opened", None),
    ]  # fmt: skip
    assert same(postgresql, company)


def test_a_recount_finds_and_mends_what_is_wrong(postgresql: Connection[Any]) -> None:
    company = made(postgresql)
    now = datetime(2026, 4, 1, 10, tzinfo=UTC)
    project(postgresql, company, [event(Fact.SENT, n, now + timedelta(hours=n)) for n in range(10)])
    assert recounted(postgresql, mend=False) == 0
    postgresql.execute("update outbound.stats_hourly set amount = amount + 3 where hour > '2026-04-01 15:00Z'")
    postgresql.execute("delete from outbound.stats_hourly where hour < '2026-04-01 12:00Z'")
    postgresql.execute("update outbound.stats_totals set amount = 99")
    postgresql.execute("delete from outbound.campaign_lead_counts")
    postgresql.execute("update outbound.handover_counts set amount = amount + 1")
    assert not same(postgresql, company)
    wrong = recounted(postgresql, mend=False)
    assert wrong > 6
    assert not same(postgresql, company)  # it was only looked at
    recounted(postgresql, mend=True)
    assert same(postgresql, company)
    assert recounted(postgresql, mend=False) == 0


def test_hours_whose_events_are_not_kept_stay(postgresql: Connection[Any]) -> None:
    company = made(postgresql)
    old = datetime(2026, 4, 1, 10, tzinfo=UTC)
    project(postgresql, company, [event(Fact.SENT, n, old) for n in range(10)])
    project(postgresql, company, [event(Fact.SENT, n, datetime.now(UTC) + timedelta(hours=3)) for n in range(10, 20)])
    postgresql.execute("delete from outbound.events where sequence <= 10")
    assert recounted(postgresql, mend=True) == 0
    (sent,) = postgresql.execute("select sum(amount) from outbound.stats_hourly").fetchone() or (0,)
    assert sent == 20


def test_changes_from_all_sides_add_up(postgresql: Connection[Any]) -> None:
    """Many at once, in one campaign: no writer waits for the figures of another, and none is lost."""
    company = made(postgresql)
    ids = [row[0] for row in postgresql.execute("select id from outbound.campaign_leads").fetchall()]
    info = postgresql.info

    def change(seed: int) -> None:
        dice = random.Random(seed)
        own = ids[seed::4]
        with Connection.connect(
            host=info.host, port=info.port, dbname=info.dbname, user="postgres", password=info.password, autocommit=True
        ) as conn:
            for _ in range(60):
                conn.execute(
                    "update outbound.campaign_leads set status = %s where id = any(%s)",
                    [dice.choice(["queued", "paused", "active", "stopped"]), dice.sample(own, 3)],
                )

    threads = [threading.Thread(target=change, args=[seed]) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same(postgresql, company)
    (rows,) = postgresql.execute("select count(*) from outbound.campaign_lead_counts").fetchone() or (0,)
    assert 0 < rows < 1000  # 240 statements: now and then they were made one
