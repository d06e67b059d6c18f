"""How a tenant, a connection, an entitlement end: work stops at once, nothing starts again, and what is left goes."""

from typing import Any
from uuid import UUID

import pytest

from tests.database.catalog import Table, owned, value
from tests.database.tenants import (
    Company,
    Conn,
    Place,
    World,
    acting,
    attempt,
    enter,
    entry,
    insert,
    mark,
    put,
    seed_organization,
    ticket,
    untriggered,
)

STATUS = "update outbound.{} set status = %s where id = %s"
DISCONNECT = "update outbound.connections set closing_at = now() where id = %s and closing_at is null"
RECONNECT = "update outbound.connections set status = 'connected', closing_at = null, credential = 'new' where id = %s"
TURN = "update outbound.entitlements set status = %s where id = %s"


@pytest.fixture
def pair(admin: Conn) -> list[Company]:
    """Two companies of one fresh organization, each with two active campaigns and one of every other status."""
    with admin.transaction():
        made = seed_organization(admin, companies=2)
    for company in made:
        for status in ("draft", "paused", "completed", "archived"):
            new_campaign(admin, company, status)
    return made


def new_campaign(admin: Conn, company: Company, status: str, **values: Any) -> UUID:
    """Put a campaign of this status in place."""
    started = None if status == "draft" else "2026-01-01"
    return put(admin, "campaigns", {
        "org_id": company.org_id, "company_id": company.id, "name": status, "capability": "email_outreach",
        "status": status, "started_at": started, **values,
    })  # fmt: skip


def campaigns(admin: Conn, company: Company) -> dict[UUID, tuple[str, str | None, int]]:
    """Return status, reason and revision of a company's campaigns."""
    ask = "select id, status, pause_reason, revision from outbound.campaigns where company_id = %s"
    return {row[0]: row[1:] for row in admin.execute(ask, [company.id]).fetchall()}


def active(admin: Conn, company: Company) -> set[UUID]:
    """Return the ids of a company's active campaigns."""
    return {each for each, (status, _, _) in campaigns(admin, company).items() if status == "active"}


def events_of(admin: Conn, company: Company, kind: str) -> list[tuple[UUID | None, Any]]:
    """Return the company's events of a type, having checked that its numbers have no gap and end with the counter."""
    rows = admin.execute(
        "select sequence, type, campaign_id, data from outbound.events where company_id = %s order by sequence",
        [company.id],
    ).fetchall()
    last = value(admin, "select last_sequence from outbound.event_counters where company_id = %s", [company.id])
    assert [row[0] for row in rows] == list(range(1, last + 1))
    return sorted((row[2], row[3]) for row in rows if row[1] == kind)


def queued(admin: Conn, task: str, subject: UUID) -> bool:
    """Return whether a task waits on its lane."""
    ask = "select count(*) from jobs.procrastinate_jobs where task_name = %s and args ->> 'subject' = %s"
    return value(admin, ask, [task, str(subject)]) == 1


def lose_jobs(place: Place, company: Company) -> None:
    """Take an organization's jobs out of the queue, as if they had run or were lost."""
    with place.admin(options="-c search_path=jobs") as conn:
        conn.execute("delete from jobs.procrastinate_jobs where args ->> 'org_id' = %s", [str(company.org_id)])


def connection(admin: Conn, company: Company) -> tuple[Any, ...]:
    """Return status, whether it is closing and whether its credential is still there."""
    ask = "select status, closing_at is not null, credential is not null from outbound.connections where id = %s"
    row = admin.execute(ask, [company.rows["connections"]]).fetchone()
    assert row is not None
    return row


def close(place: Place, level: str, company: Company, status: str) -> None:
    """Suspend or delete a company as its partner does, or an organization as the operator does."""
    table, tier, each = {
        "company": ("companies", "org", company.id), "organization": ("organizations", "platform", company.org_id)
    }[level]  # fmt: skip
    with acting(place, tier, company, commit=True) as conn:
        assert conn.execute(STATUS.format(table), [status, each]).rowcount == 1  # pyright: ignore[reportArgumentType]


levels = pytest.mark.parametrize("level", ["company", "organization"])

# Suspending --------------------------------------------------------------------------------------------------------


@levels
@pytest.mark.parametrize("status", ["suspended", "deleting"])
def test_a_closed_tenants_campaigns_are_paused_with_an_event(
    place: Place, admin: Conn, pair: list[Company], level: str, status: str
) -> None:
    before = [campaigns(admin, each) for each in pair]
    running = [active(admin, each) for each in pair]
    close(place, level, pair[0], status)
    for company, old, ran in zip(pair, before, running, strict=True):
        hit = level == "organization" or company is pair[0]
        assert len(ran) == 2
        for campaign, (_, _, revision) in ((each, old[each]) for each in ran if hit):
            assert campaigns(admin, company)[campaign] == ("paused", "suspended", revision + 1)
        paused = events_of(admin, company, "campaign.paused")
        assert paused == (sorted((each, {"reason": "suspended"}) for each in ran) if hit else [])
        untouched = old.keys() - ran if hit else old.keys()
        assert {each: campaigns(admin, company)[each] for each in untouched} == {each: old[each] for each in untouched}
    assert queued(admin, "account.work", pair[0].rows["provider_accounts"])


@levels
def test_a_tenant_that_is_open_again_starts_nothing_by_itself(
    place: Place, admin: Conn, company: Company, level: str
) -> None:
    campaign = company.rows["campaigns"]
    close(place, level, company, "suspended")
    close(place, level, company, "active")
    assert active(admin, company) == set()
    with acting(place, "company", company, commit=True) as conn:
        assert attempt(conn, STATUS.format("campaigns"), ["active", campaign], keep=True).sqlstate is None
    assert campaigns(admin, company)[campaign][:2] == ("active", None)


@levels
@pytest.mark.parametrize("status", ["suspended", "deleting"])
def test_nothing_is_started_for_a_closed_tenant(
    place: Place, admin: Conn, company: Company, level: str, status: str
) -> None:
    start = "update outbound.campaigns set status = 'active' where id = %s"
    waiting = [new_campaign(admin, company, each, started_at="2026-01-01") for each in ("paused", "completed")]
    refused = "the tenant is closed  campaigns_tenant_open"
    with place.role("company") as conn, conn.transaction(force_rollback=True):
        enter(conn, "company", company)
        assert [attempt(conn, start, [each]).sqlstate for each in waiting] == [None, None]
        close(place, level, company, status)
        for campaign in (*waiting, company.rows["campaigns"]):
            outcome = attempt(conn, start, [campaign])
            assert (outcome.sqlstate, outcome.message) == ("23514", refused), "a context that was open before"
    for tier in ("worker", "org") if level == "company" else ("worker",):
        with acting(place, tier, company) as conn:
            assert attempt(conn, start, [waiting[0]]).message == refused, tier
    assert attempt(admin, start, [waiting[0]]).message == refused, "whoever asks"
    assert active(admin, company) == set()


# The wall ----------------------------------------------------------------------------------------------------------

CLAIM = (
    "update outbound.campaign_leads set push_state = 'sending', push_attempt_id = gen_random_uuid(), "
    "push_attempts = push_attempts + 1, push_attempted_at = now(), push_reason = 'told' where id = %s"
)
LEDGER = (
    "select push_state, push_attempt_id, push_attempts, push_attempted_at, push_reason, status "
    "from outbound.campaign_leads where id = %s"
)
SHUT = {
    "a paused campaign": "update outbound.campaigns set status = 'paused' where id = %(campaigns)s",
    "a draft": "update outbound.campaigns set status = 'draft', started_at = null where id = %(campaigns)s",
    "a completed campaign": "update outbound.campaigns set status = 'completed' where id = %(campaigns)s",
    "an archived campaign": "update outbound.campaigns set status = 'archived' where id = %(campaigns)s",
    "a suspended company": "update outbound.companies set status = 'suspended' where id = %(companies)s",
    "a company being deleted": "update outbound.companies set status = 'deleting' where id = %(companies)s",
    "a suspended organization": "update outbound.organizations set status = 'suspended' where id = %(organizations)s",
    "an organization being deleted": "update outbound.organizations set status = 'deleting' "
    "where id = %(organizations)s",
}


@pytest.mark.parametrize("state", ["pending", "uncertain"])
@pytest.mark.parametrize("what", SHUT)
def test_no_lead_is_handed_over_for_what_is_closed(
    place: Place, admin: Conn, company: Company, what: str, state: str
) -> None:
    """Each is closed without its trigger, so that only the wall itself can refuse, and the row stays what it was."""
    person = [company.rows["campaign_leads"]]
    with untriggered(admin):
        admin.execute(
            "update outbound.campaign_leads set push_state = %s, push_attempt_id = id, push_attempts = 3, "
            "push_attempted_at = '2026-01-01' where id = %s",
            [state, *person],
        )
    before = admin.execute(LEDGER, person).fetchall()
    with acting(place, "worker", company) as conn:
        assert attempt(conn, CLAIM, person).sqlstate == (None if state == "pending" else "23514"), "open, it turns"
    with untriggered(admin):
        assert admin.execute(SHUT[what], company.rows).rowcount == 1
    with acting(place, "worker", company, commit=True) as conn:
        assert conn.execute(CLAIM, person).rowcount == 1
    assert admin.execute(LEDGER, person).fetchall() == before
    other = "update outbound.campaign_leads set push_state = 'suppressed' where id = %s"
    with acting(place, "worker", company) as conn:
        assert attempt(conn, other, person).sqlstate is None, "stopping is work that a closed tenant still has"


def test_a_listed_person_of_a_paused_campaign_is_not_lost_sight_of(place: Place, admin: Conn, company: Company) -> None:
    person = [company.rows["campaign_leads"]]
    admin.execute("update outbound.campaigns set status = 'paused' where id = %s", [company.rows["campaigns"]])
    with acting(place, "company", company, commit=True) as conn:
        listed = entry("email", "maria@lead.example")
        conn.execute(insert("suppressions", listed, None), list(listed.values()))
    with acting(place, "worker", company, commit=True) as conn:
        conn.execute(CLAIM + " and push_state = 'pending'", person)  # pyright: ignore[reportArgumentType]
    assert admin.execute(LEDGER, person).fetchall()[0][0] == "pending", "of a paused campaign nobody is handed over"
    mark(place, company)
    assert admin.execute(LEDGER, person).fetchall()[0][0] == "suppressed"


# Connections and entitlements --------------------------------------------------------------------------------------


def test_a_disconnect_pauses_its_capabilitys_campaigns_and_keeps_the_key_until_all_is_stopped(
    place: Place, admin: Conn, company: Company
) -> None:
    other = new_campaign(admin, company, "active", capability="linkedin_outreach")
    mine = active(admin, company) - {other}
    with acting(place, "org", company, commit=True) as conn:
        assert conn.execute(DISCONNECT, [company.rows["connections"]]).rowcount == 1
    assert active(admin, company) == {other}
    assert {campaigns(admin, company)[each][1] for each in mine} == {"disconnected"}
    assert events_of(admin, company, "campaign.paused") == sorted((each, {"reason": "disconnected"}) for each in mine)
    assert events_of(admin, company, "entitlement.disconnected") == [(None, {"capability": "email_outreach"})]
    assert connection(admin, company) == ("connected", True, True)
    assert queued(admin, "account.work", company.rows["provider_accounts"])
    with acting(place, "worker", company, commit=True) as conn:
        conn.execute(STATUS.format("connections"), ["disconnected", company.rows["connections"]])  # pyright: ignore[reportArgumentType]
    assert connection(admin, company) == ("disconnected", True, False)


@pytest.mark.parametrize("first", ["lost before", "lost while closing"])
def test_where_the_key_is_lost_closing_ends_at_once(place: Place, admin: Conn, company: Company, first: str) -> None:
    steps = [(STATUS.format("connections"), ["error", company.rows["connections"]])]
    steps.append((DISCONNECT, [company.rows["connections"]]))
    for statement, row in steps if first == "lost before" else reversed(steps):
        with acting(place, "org", company, commit=True) as conn:
            conn.execute(statement, row)  # pyright: ignore[reportArgumentType]
    assert connection(admin, company) == ("disconnected", True, False)
    assert active(admin, company) == set()


def test_a_connection_without_a_key_is_disconnected(admin: Conn, company: Company) -> None:
    change = "update outbound.connections set credential = null, status = %s where id = %s"
    for status, sqlstate in (("connected", "23514"), ("error", "23514"), ("disconnected", None)):
        assert attempt(admin, change, [status, company.rows["connections"]]).sqlstate == sqlstate


STATES = ("entitled", "connected", "disconnected")
ARROWS = {("entitled", "connected"), ("connected", "disconnected"), ("disconnected", "connected")}


@pytest.mark.parametrize("new", STATES)
@pytest.mark.parametrize("old", STATES)
def test_an_entitlement_turns_only_as_its_arrows_say(
    place: Place, admin: Conn, company: Company, old: str, new: str
) -> None:
    row = company.rows["entitlements"]
    with untriggered(admin):
        admin.execute(TURN, [old, row])
    for tier in ("org", "worker"):
        with acting(place, tier, company) as conn:
            outcome = attempt(conn, TURN, [new, row])
            assert outcome.sqlstate == (None if old == new or (old, new) in ARROWS else "23514"), tier
            assert outcome.sqlstate is None or "entitlements_turn" in outcome.message
    if (old, new) in ARROWS:
        with acting(place, "worker", company, commit=True) as conn:
            conn.execute(TURN, [new, row])
        assert events_of(admin, company, f"entitlement.{new}") == [(None, {"capability": "email_outreach"})]


def test_a_reconnect_resumes_only_what_the_disconnect_paused(place: Place, admin: Conn, company: Company) -> None:
    mine = active(admin, company) | {new_campaign(admin, company, "active") for _ in range(3)}
    others = {
        new_campaign(admin, company, "paused"), new_campaign(admin, company, "draft"),
        new_campaign(admin, company, "paused", pause_reason="suspended"),
        new_campaign(admin, company, "paused", pause_reason="operator"),
        new_campaign(admin, company, "paused", pause_reason="disconnected", capability="linkedin_outreach"),
        new_campaign(admin, company, "paused", pause_reason="disconnected", deleted_at="2026-01-01"),
    }  # fmt: skip
    before = {each: campaigns(admin, company)[each] for each in others}
    with acting(place, "org", company, commit=True) as conn:
        conn.execute(DISCONNECT, [company.rows["connections"]])
    assert active(admin, company) == set()
    with acting(place, "org", company, commit=True) as conn:
        conn.execute(RECONNECT, [company.rows["connections"]])
        conn.execute(TURN, ["connected", company.rows["entitlements"]])
    assert active(admin, company) == mine
    assert {campaigns(admin, company)[each] for each in mine} == {("active", None, 3)}
    assert {each: campaigns(admin, company)[each] for each in others} == before
    assert events_of(admin, company, "campaign.started") == sorted((each, {"reason": "reconnected"}) for each in mine)
    assert events_of(admin, company, "entitlement.connected") == [(None, {"capability": "email_outreach"})]
    assert connection(admin, company) == ("connected", False, True)


# The brake ---------------------------------------------------------------------------------------------------------

STOP = "select ctx.stop(%s)"


def test_the_operators_brake_stops_a_company_or_a_whole_organization(
    place: Place, admin: Conn, pair: list[Company]
) -> None:
    one, two = pair
    with acting(place, "platform", one, commit=True) as conn:
        assert value(conn, STOP, [one.id]) == 2
    assert (active(admin, one), len(active(admin, two))) == (set(), 2)
    assert {reason for _, reason, _ in campaigns(admin, one).values()} == {None, "operator"}
    with acting(place, "platform", one, commit=True) as conn:
        assert value(conn, STOP, [None]) == 2
        assert value(conn, STOP, [None]) == 0
    assert active(admin, two) == set()
    assert [data for _, data in events_of(admin, two, "campaign.paused")] == [{"reason": "operator"}] * 2
    with acting(place, "org", one, commit=True) as conn:
        conn.execute(TURN, ["disconnected", one.rows["entitlements"]])
        conn.execute(TURN, ["connected", one.rows["entitlements"]])
    assert active(admin, one) == set(), "nothing starts by itself afterwards"


def test_the_brake_is_the_operators_and_for_one_organization(place: Place, admin: Conn, world: World) -> None:
    with acting(place, "platform", world.a1) as conn:
        assert attempt(conn, STOP, [world.b1.id]).rows == [(0,)]
    assert len(active(admin, world.b1)) == 2
    with place.role("platform") as conn, conn.transaction(force_rollback=True):
        assert attempt(conn, STOP, [None]).sqlstate == "28000"
        conn.execute("select ctx.open_platform(%s)", [ticket("platform", "operator")])
        assert attempt(conn, STOP, [None]).sqlstate == "28000", "no organization is open"
    for tier in ("org", "company", "worker"):
        with acting(place, tier, world.a1) as conn:
            assert attempt(conn, STOP, [world.a1.id]).sqlstate == "42501", tier


# Deleting ----------------------------------------------------------------------------------------------------------


@levels
def test_a_deletion_begins_to_close_what_is_connected_and_cannot_be_taken_back(
    place: Place, admin: Conn, pair: list[Company], level: str
) -> None:
    one, two = pair
    close(place, level, one, "deleting")
    whole = level == "organization"
    assert connection(admin, one) == ("connected", True, True)
    assert connection(admin, two) == ("connected", whole, True)
    status = "select status from outbound.companies where id = %s"
    assert [value(admin, status, [each.id]) for each in pair] == ["deleting", "deleting" if whole else "active"]
    tasks = [queued(admin, "tenant.erase", each) for each in (one.id, two.id, one.org_id)]
    assert tasks == [True, whole, whole]
    table, each = ("organizations", one.org_id) if whole else ("companies", one.id)
    for back in ("active", "suspended"):
        outcome = attempt(admin, STATUS.format(table), [back, each])  # pyright: ignore[reportArgumentType]
        assert (outcome.sqlstate, outcome.message) == ("23514", "it is being deleted  tenant_deleting")


def erase(place: Place, company: Company, subject: UUID, batch: int = 1000) -> int | None:
    """Take some of a tenant away, as a worker."""
    with acting(place, "worker", company, commit=True) as conn:
        return value(conn, "select outbound.erase_tenant(%s, %s)", [subject, batch])


def erase_all(place: Place, company: Company, subject: UUID, batch: int) -> list[int | None]:
    """Erase until nothing is left or something must wait; return what each call said."""
    said = [erase(place, company, subject, batch)]
    while said[-1] and len(said) < 200:
        said.append(erase(place, company, subject, batch))
    return said


def let_go(place: Place, company: Company) -> None:
    """End a connection as the lane does once the provider has stopped."""
    with acting(place, "worker", company, commit=True) as conn:
        conn.execute(STATUS.format("connections"), ["disconnected", company.rows["connections"]])  # pyright: ignore[reportArgumentType]


def living(admin: Conn, tables: list[Table], company: Company, *, whole: bool) -> dict[str, int]:
    """Return the tables that keep rows of a tenant which are not deleted, of those that soft-delete."""
    soft = [table for table in tables if table.has_deleted and (whole or table.company_column)]
    counts = {t.name: sum(owned(admin, t, company.org_id, None if whole else company.id).values()) for t in soft}
    return {name: count for name, count in counts.items() if count}


def test_a_company_is_erased_once_its_connections_are_let_go_and_then_its_organization(
    place: Place, admin: Conn, pair: list[Company], every_table: list[Table]
) -> None:
    one, two = pair
    neighbour = living(admin, every_table, two, whole=False)
    assert erase(place, one, one.id) == 0, "not while nobody deletes it"
    close(place, "company", one, "deleting")
    assert erase(place, one, one.id) is None, "the provider must be told first"
    assert "leads" in living(admin, every_table, one, whole=False)
    let_go(place, one)
    said = erase_all(place, one, one.id, batch=3)
    assert said[-1] == 0
    assert all(each is not None and 0 < each < 6 for each in said[:-1])
    assert living(admin, every_table, one, whole=False) == {}
    assert living(admin, every_table, two, whole=False) == neighbour
    assert queued(admin, "tenant.erase", one.org_id) is False
    close(place, "organization", two, "deleting")
    assert erase(place, two, two.org_id) is None, "its companies go first"
    let_go(place, two)
    lose_jobs(place, two)
    assert erase_all(place, two, two.id, batch=1000)[-1] == 0
    assert queued(admin, "tenant.erase", two.org_id) is True
    assert erase_all(place, two, two.org_id, batch=1000)[-1] == 0
    assert living(admin, every_table, two, whole=True) == {}
    assert value(admin, "select deleted_at is not null from ctx.tenants where org_id = %s", [two.org_id])
    with place.role("worker") as conn:
        assert attempt(conn, "select ctx.open_job(%s)", [ticket("job", str(two.org_id))]).sqlstate == "28000"


def test_erasing_is_for_workers_and_their_own_organization(
    place: Place, admin: Conn, company: Company, world: World, every_table: list[Table]
) -> None:
    with untriggered(admin):
        admin.execute(STATUS.format("companies"), ["deleting", company.id])  # pyright: ignore[reportArgumentType]
    let_go(place, company)
    before = living(admin, every_table, company, whole=True)
    assert erase(place, world.b1, company.id) == 0
    assert erase(place, world.b1, company.org_id) == 0
    assert living(admin, every_table, company, whole=True) == before
    for tier in ("org", "company", "platform"):
        with acting(place, tier, world.b1) as conn:
            ask = "select outbound.erase_tenant(%s, 1)"
            assert attempt(conn, ask, [world.b1.id]).sqlstate == "42501", tier
    with place.role("worker") as conn:
        assert attempt(conn, "select outbound.erase_tenant(%s, 1)", [company.id]).sqlstate == "42501"


def test_what_is_closing_and_what_is_being_deleted_is_due(place: Place, admin: Conn, company: Company) -> None:
    """The sweep finds them, should the queue have lost them."""
    close(place, "organization", company, "deleting")
    lose_jobs(place, company)
    admin.execute("delete from ctx.lanes where org_id = %s", [company.org_id])
    with place.role("worker") as conn:
        rows = conn.execute("select task, subject from ctx.due_work() where org_id = %s", [company.org_id]).fetchall()
    wanted = {("tenant.erase", company.id), ("tenant.erase", company.org_id)}
    wanted |= {("account.work", company.rows["provider_accounts"])}
    assert wanted <= set(rows)
