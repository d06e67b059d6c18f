"""Dashboards and the REST API say the same of the same filter, where days begin at any hour, and so does a recount."""

import asyncio
import random
import secrets
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.rows import dict_row

from api.db.identity import AuthContext
from api.db.pool import Tx
from api.db.ticket import Tickets
from api.events.jobs import project_facts
from providers.models import Fact, ProviderEvent
from tests.dashboards.comparing import COMPARED, FIGURES, Person
from tests.dashboards.filling import LEADS, Filled, admin_of, filled, happenings, ordinary_hours, settle
from tests.dashboards.reading import dashboard_token, reader, rows, views_of
from tests.engine import Engine

# In the last two the clocks are set back over midnight: in the Azores, and in Havana where a month begins besides.
ZONES = ("Europe/Berlin", "America/New_York", "Atlantic/Azores", "America/Havana")
CHANGES = ("2020-03-08", "2020-03-29", "2020-10-25", "2020-11-01")
FILTERS = {"company": 35, "org": 35}
OF_ORGANIZATIONS = {"company_rollup"}


def hours_of_changes() -> list[datetime]:
    """Return every hour around the nights on which clocks are changed."""
    nights = [datetime.fromisoformat(f"{day}T00:00:00+00:00") for day in CHANGES]
    return [night + timedelta(hours=hour) for night in nights for hour in range(-12, 18)]


@pytest.fixture(scope="module")
def companies(engine: Engine) -> list[Filled]:
    org = engine.new_organization()
    with admin_of(engine) as admin:
        made = [filled(admin, org, f"In {zone}", zone) for zone in ZONES]
        for number, each in enumerate(made):
            dice = random.Random(number)
            happenings(admin, each, hours_of_changes(), amount=500, dice=dice)
            happenings(admin, each, ordinary_hours(), amount=150, dice=dice)
    org.api.post("/partner/v1/suppressions", json={"domain": "everywhere.example"}).raise_for_status()
    settle(engine, org)
    return made


@pytest.fixture(scope="module")
def people(engine: Engine, companies: list[Filled]) -> dict[str, list[Person]]:
    def person(api: object, of: list[Filled], of_company: bool) -> Person:
        return Person(api, reader(engine, dashboard_token(api)), of, of_company)  # type: ignore[arg-type]

    return {
        "company": [person(each.company.api, [each], True) for each in companies],
        "org": [person(companies[0].org.api, companies, False)],
    }


@pytest.mark.parametrize("view", COMPARED)
@pytest.mark.parametrize("tier", ["company", "org"])
def test_a_view_is_what_the_api_answers(people: dict[str, list[Person]], tier: str, view: str) -> None:
    seed = secrets.randbelow(10**6)
    print(f"seed {seed}")
    dice, shown = random.Random(seed), 0
    readers = [] if (tier, view) == ("company", "company_rollup") else people[tier]
    for number in range(FILTERS[tier] if readers else 0):
        by_dashboard, by_api = COMPARED[view](readers[number % len(readers)], dice)
        assert by_dashboard == by_api, f"seed {seed}, filter {number}"
        shown += bool(by_api)
    assert shown > 5 or not readers, "filters that find nothing prove nothing"


def test_every_view_is_compared(engine: Engine) -> None:
    assert set(COMPARED) == set(views_of(engine))
    assert sum(FILTERS.values()) * len(COMPARED) - FILTERS["company"] >= 500


def test_a_midnight_that_comes_twice_is_of_one_day(people: dict[str, list[Person]], companies: list[Filled]) -> None:
    """Each event is counted on the day that a calendar at the place shows, also in the hour that is repeated."""
    for person, made in zip(people["company"], companies, strict=True):
        zone = ZoneInfo(made.zone)
        with admin_of(made.org.engine) as admin:
            found = admin.execute(
                "select occurred_at from outbound.events where company_id = %s and type = 'message.sent'",
                [made.company.id],
            ).fetchall()
        counted = Counter(str(moment.astimezone(zone).date()) for (moment,) in found)
        shown = Counter[str]()
        for row in rows(person.dashboards, "daily_activity", sent="gt.0"):
            shown[row["day"]] += row["sent"]
        assert shown == counted, made.zone


async def _project(engine: Engine, made: Filled, facts: list[ProviderEvent]) -> int:
    conn = await psycopg.AsyncConnection.connect(
        engine.dev["database_urls"]["worker"], autocommit=True, row_factory=dict_row
    )
    tickets, org = Tickets.from_settings(engine.folder.settings()), UUID(made.org.id)
    async with conn, conn.transaction():
        await conn.execute("select ctx.open_job(%s)", [tickets.sign("job", str(org))])
        tx = Tx(conn, AuthContext(org, None, None, None, "worker"))
        found = await project_facts(tx, UUID(made.company.id), made.rows["connections"][0], facts)
        await tx.close()
    return len(found)


def test_facts_that_come_twice_and_in_any_order_are_counted_once(engine: Engine) -> None:
    org, dice = engine.new_organization(), random.Random(11)
    with admin_of(engine) as admin:
        made = filled(admin, org, "Shuffled", "Atlantic/Azores")
    kinds = [Fact.SENT, Fact.OPENED, Fact.CLICKED, Fact.AUTO_REPLIED, Fact.REQUEST_SENT, Fact.REQUEST_ACCEPTED]
    began = datetime(2020, 10, 24, 18, tzinfo=UTC)
    facts = [
        ProviderEvent(
            kind, f"{kind}:{number}", None, f"at0{made.mark}", f"p{number % LEADS}.0@{made.mark}.example", None,
            began + timedelta(minutes=7 * number), {"step": number % 3 + 1},
        )
        for number, kind in enumerate(dice.choices(kinds, k=150))
    ]  # fmt: skip
    doubled = [*facts, *facts]
    dice.shuffle(doubled)
    for start in range(0, len(doubled), 40):
        asyncio.run(_project(engine, made, doubled[start : start + 40]))
    client = reader(engine, dashboard_token(made.company.api))
    steps = rows(client, "step_performance")
    expected = Counter((fact.fact, fact.data["step"]) for fact in facts)
    names = dict(
        zip(
            kinds,
            ("sent", "opened", "clicked", "auto_replied", "connection_requests_sent", "connection_requests_accepted"),
            strict=True,
        )
    )
    assert {(kind, row["step"]): row[name] for row in steps for kind, name in names.items() if row[name]} == expected
    day = Counter[str]()
    for row in rows(client, "daily_activity"):
        day[row["day"]] += sum(row[name] for name in FIGURES)
    zone = ZoneInfo(made.zone)
    assert day == Counter(str(fact.occurred_at.astimezone(zone).date()) for fact in facts if fact.occurred_at)
    with engine.sql() as sql:
        assert sql.execute(
            "select count(*) as n from outbound.events where company_id = %s and connection_id is not null",
            [made.company.id],
        ).fetchone() == {"n": 150}
