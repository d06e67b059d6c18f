"""No suppressed person is ever handed to a provider, on whichever list they are and however close the race."""

# ruff: noqa: S608  # the names in these statements are this page's own

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import psycopg
import pytest

from tests.database.catalog import value
from tests.database.tenants import (
    Company,
    Conn,
    Place,
    acting,
    attempt,
    enter,
    entry,
    known_by,
    mark,
    put,
    seed_organization,
)

CLAIM = """
    update outbound.campaign_leads
    set push_state = 'sending', push_attempt_id = gen_random_uuid(), push_attempted_at = now()
    where id = %s and push_state in ('pending', 'uncertain')
    returning push_state, status, push_reason, push_attempt_id is null
"""
SENDING = ("sending", "queued", None, False)
SUPPRESSED = ("suppressed", "stopped", "suppressed", True)
RACES = 64


@dataclass(frozen=True)
class Person:
    """A lead and its enrolment."""

    lead: UUID
    enrolment: UUID
    mark: str

    @property
    def values(self) -> dict[str, str]:
        """What each kind of suppression lists this person by, in a spelling of its own."""
        return {
            "email": f" Jo.{self.mark}@Mail-{self.mark.upper()}.example",
            "domain": f"MAIL-{self.mark}.example",
            "linkedin_url": f"http://linkedin.com/in/JO-{self.mark}/?trk=1",
        }

    def entry(self, kind: str) -> dict[str, str]:
        """Return the entry of a list."""
        return entry(kind, self.values[kind])


def enrol(admin: Conn, company: Company, **state: object) -> Person:
    """Enrol a fresh person, in whatever state a column asks for."""
    mark = secrets.token_hex(5)
    own = {"org_id": company.org_id, "company_id": company.id}
    lead = put(admin, "leads", {
        **own, **known_by(f"jo.{mark}@mail-{mark}.example", f"https://www.linkedin.com/in/Jo-{mark}"),
    })  # fmt: skip
    row = {**own, "campaign_id": company.rows["campaigns"], "lead_id": lead, **state}
    return Person(lead, put(admin, "campaign_leads", row), mark)


def claim(place: Place, company: Company, person: Person) -> list[tuple[object, ...]]:
    """Take an enrolment as a worker does before it speaks to a provider."""
    with acting(place, "worker", company, commit=True) as conn:
        return conn.execute(CLAIM, [person.enrolment]).fetchall()


def state_of(admin: Conn, person: Person) -> tuple[object, ...]:
    """Return what the ledger says of a person."""
    row = admin.execute(
        "select push_state, status, stop_state, stop_reason from outbound.campaign_leads where id = %s",
        [person.enrolment],
    ).fetchone()
    assert row
    return row


def list_for_company(place: Place, admin: Conn, company: Company, kind: str, person: Person) -> None:
    with acting(place, "company", company, commit=True) as conn:
        put(conn, "suppressions", person.entry(kind))


def list_for_organization(place: Place, admin: Conn, company: Company, kind: str, person: Person) -> None:
    with acting(place, "org", company, commit=True) as conn:
        put(conn, "suppressions", {"company_id": None, **person.entry(kind)})


def list_for_platform(place: Place, admin: Conn, company: Company, kind: str, person: Person) -> None:
    with acting(place, "platform", company, commit=True) as conn:
        put(conn, "platform_suppressions", person.entry(kind))


Lister = Callable[[Place, Conn, Company, str, Person], None]
LEVELS: dict[str, Lister] = {
    "company": list_for_company,
    "organization": list_for_organization,
    "platform": list_for_platform,
}
levels = pytest.mark.parametrize("level", LEVELS)
kinds = pytest.mark.parametrize("kind", ["email", "domain", "linkedin_url"])


# The wall ----------------------------------------------------------------------------------------------------------


@levels
@kinds
def test_a_person_listed_before_the_enrolment_is_never_sent(
    place: Place, admin: Conn, company: Company, *, level: str, kind: str
) -> None:
    person, free = enrol(admin, company), enrol(admin, company)
    admin.execute("delete from outbound.campaign_leads where id = %s", [person.enrolment])
    LEVELS[level](place, admin, company, kind, person)
    own = {"org_id": company.org_id, "company_id": company.id, "campaign_id": company.rows["campaigns"]}
    late = Person(person.lead, put(admin, "campaign_leads", {**own, "lead_id": person.lead}), person.mark)
    assert state_of(admin, late)[0] == "pending"
    assert claim(place, company, late) == [SUPPRESSED]
    assert claim(place, company, free) == [SENDING]
    assert claim(place, company, late) == []


@levels
@kinds
def test_a_waiting_person_is_marked_by_the_job_and_claimed_by_no_lane_before(
    place: Place, admin: Conn, company: Company, *, level: str, kind: str
) -> None:
    person, free = enrol(admin, company), enrol(admin, company)
    early = enrol(admin, company)
    LEVELS[level](place, admin, company, kind, person)
    LEVELS[level](place, admin, company, kind, early)
    assert claim(place, company, early) == [SUPPRESSED], "the entry is the wall, marked or not"
    assert state_of(admin, person) == ("pending", "queued", None, None)
    mark(place, company)
    assert state_of(admin, person) == ("suppressed", "stopped", None, None)
    assert state_of(admin, free) == ("pending", "queued", None, None)
    assert claim(place, company, person) == []
    assert claim(place, company, free) == [SENDING]


ATTEMPTED = {"push_attempt_id": UUID(int=1), "push_attempted_at": "2026-01-01T00:00:00Z"}
HANDED_OVER: dict[str, dict[str, object]] = {
    "sending": {"push_state": "sending", **ATTEMPTED},
    "uncertain": {"push_state": "uncertain", **ATTEMPTED},
    "pushed": {"push_state": "pushed", "status": "active", "pushed_at": "2026-01-01T00:00:00Z"},
}


@levels
@pytest.mark.parametrize("handed_over", HANDED_OVER)
def test_a_person_the_provider_may_know_is_due_to_be_stopped(
    place: Place, admin: Conn, company: Company, *, level: str, handed_over: str
) -> None:
    person, free = enrol(admin, company, **HANDED_OVER[handed_over]), enrol(admin, company, **HANDED_OVER[handed_over])
    LEVELS[level](place, admin, company, "email", person)
    mark(place, company)
    assert state_of(admin, person) == (handed_over, "stopped", "due", "suppressed")
    assert state_of(admin, free)[2:] == (None, None)


def test_an_uncertain_person_who_is_listed_is_not_sent_again(place: Place, admin: Conn, company: Company) -> None:
    person, free = enrol(admin, company, **HANDED_OVER["uncertain"]), enrol(admin, company, **HANDED_OVER["uncertain"])
    list_for_company(place, admin, company, "email", person)
    assert claim(place, company, person) == [SUPPRESSED]
    with pytest.raises(psycopg.errors.CheckViolation, match="cannot go from uncertain to sending"):
        claim(place, company, free)


def test_an_unsubscription_is_the_reason_of_its_stop(place: Place, admin: Conn, company: Company) -> None:
    person = enrol(admin, company, **HANDED_OVER["pushed"])
    with acting(place, "worker", company, commit=True) as conn:
        put(conn, "suppressions", {"company_id": company.id, **person.entry("email"), "source": "unsubscribed"})
    mark(place, company)
    assert state_of(admin, person) == ("pushed", "stopped", "due", "unsubscribed")


@pytest.mark.parametrize("final", ["replied", "bounced", "unsubscribed", "completed"])
def test_a_finished_enrolment_keeps_its_status(place: Place, admin: Conn, company: Company, final: str) -> None:
    person = enrol(admin, company, **{**HANDED_OVER["pushed"], "status": final})
    list_for_company(place, admin, company, "email", person)
    mark(place, company)
    assert state_of(admin, person)[1:3] == (final, "due")


def test_a_companys_list_binds_that_company_alone(place: Place, admin: Conn) -> None:
    one, two = seed_organization(admin, companies=2)
    (other,) = seed_organization(admin)
    person = enrol(admin, one)
    twins = [
        Person(lead, put(admin, "campaign_leads", {
            "org_id": at.org_id, "company_id": at.id, "campaign_id": at.rows["campaigns"], "lead_id": lead,
        }), person.mark)
        for at in (two, other)
        for lead in [put(admin, "leads", {
            "org_id": at.org_id, "company_id": at.id, **known_by(person.values["email"]),
        })]
    ]  # fmt: skip
    list_for_company(place, admin, one, "email", person)
    mark(place, one)
    mark(place, other)
    assert [state_of(admin, each)[0] for each in (person, *twins)] == ["suppressed", "pending", "pending"]
    list_for_organization(place, admin, two, "email", person)
    mark(place, two)
    assert [state_of(admin, each)[0] for each in twins] == ["suppressed", "pending"]
    assert claim(place, other, twins[1]) == [SENDING]


def test_a_removed_suppression_lets_new_people_through(place: Place, admin: Conn, company: Company) -> None:
    person = enrol(admin, company)
    list_for_company(place, admin, company, "domain", person)
    with acting(place, "company", company, commit=True) as conn:
        statement = "update outbound.suppressions set deleted_at = transaction_timestamp() where value_key = %s"
        assert conn.execute(statement, [person.entry("domain")["value_key"]]).rowcount == 1
    mark(place, company)
    assert claim(place, company, person) == [SENDING]


@pytest.mark.parametrize("shortcut", ["pushed", "sending"])
def test_no_worker_reaches_a_provider_state_around_the_wall(
    place: Place, admin: Conn, company: Company, shortcut: str
) -> None:
    """Only `sending` is checked against the lists, so nothing may become `pushed` without having been `sending`."""
    person = enrol(admin, company)
    list_for_company(place, admin, company, "email", person)
    extra = ", pushed_at = now()" if shortcut == "pushed" else ", push_attempt_id = id, push_attempted_at = now()"
    with acting(place, "worker", company, commit=True) as conn:
        attempt(
            conn,
            f"update outbound.campaign_leads set push_state = '{shortcut}'{extra} where id = %s",
            [person.enrolment],
            keep=True,
        )
    assert state_of(admin, person)[0] in ("pending", "suppressed")


def test_another_isolation_level_is_refused(place: Place, admin: Conn, company: Company) -> None:
    """Its snapshot would be older than the lock it waited for."""
    person = enrol(admin, company)
    columns = "(kind, value, value_key) values ('email', 'iso@level.example', 'iso@level.example')"
    listing, platform = (f"insert into outbound.{name} {columns}" for name in ("suppressions", "platform_suppressions"))
    for level in psycopg.IsolationLevel:
        wanted = None if level is psycopg.IsolationLevel.READ_COMMITTED else "25001"
        for tier, statement, params in (("worker", CLAIM, [person.enrolment]), ("company", listing, None)):
            with place.role(tier) as conn:
                conn.isolation_level = level
                with conn.transaction(force_rollback=True):
                    enter(conn, tier, company)
                    assert attempt(conn, statement, params).sqlstate == wanted, (level, tier)
        with place.admin() as conn:
            conn.isolation_level = level
            with conn.transaction(force_rollback=True):
                assert attempt(conn, platform).sqlstate == wanted


# The race ----------------------------------------------------------------------------------------------------------

End = tuple[str, bool, bool]
IS_LISTED = """
    select exists (select from outbound.suppressions where value_key = %(key)s)
    or exists (select from outbound.platform_suppressions where value_key = %(key)s)
"""


@dataclass
class Racer:
    """Connections for the two sides of a race: one lists a person slowly and marks, the other enrols and claims."""

    place: Place
    admin: Conn
    company: Company
    level: str
    lister: Conn
    writer: Conn
    worker: Conn

    def list_slowly(self, person: Person, ready: threading.Barrier, number: int) -> None:
        """Suppress, now and then a little late, keep the transaction open for a while, and then mark at once."""
        ready.wait(10)
        time.sleep((number % 3) * 0.004)
        with self.lister.transaction():
            enter(self.lister, LISTERS[self.level], self.company)
            if self.level == "platform":
                put(self.lister, "platform_suppressions", person.entry("email"))
            else:
                owner = self.company.id if self.level == "company" else None
                put(self.lister, "suppressions", {"company_id": owner, **person.entry("email")})
            time.sleep(0.002 + (number % 4) * 0.004)
        mark(self.place, self.company)

    def enrol_and_claim(self, person: Person, ready: threading.Barrier, wait: float) -> bool:
        """Enrol, commit, and claim at once; return whether a claim was let through after the list was committed."""
        ready.wait(10)
        time.sleep(wait)
        with self.writer.transaction():
            enter(self.writer, "company", self.company)
            enrolling = "insert into outbound.campaign_leads (campaign_id, lead_id) values (%s, %s) returning id"
            enrolment = value(self.writer, enrolling, [self.company.rows["campaigns"], person.lead])
        with self.worker.transaction():
            enter(self.worker, "worker", self.company)
            claimed = self.worker.execute(CLAIM, [enrolment]).fetchall() == [SENDING]
            time.sleep(wait)
            listed = value(self.admin, IS_LISTED, {"key": person.entry("email")["value_key"]})
        return claimed and bool(listed)

    def run(self, number: int) -> End:
        """Run one race; return the person's state, whether a stop is due, and whether the wall was overtaken."""
        person = enrol(self.admin, self.company)
        self.admin.execute("delete from outbound.campaign_leads where id = %s", [person.enrolment])
        ready = threading.Barrier(2)
        slow = threading.Thread(target=self.list_slowly, args=(person, ready, number))
        slow.start()
        overtaken = self.enrol_and_claim(person, ready, (number % 8) * 0.001)
        slow.join()
        ask = "select push_state, stop_state is not distinct from 'due' from outbound.campaign_leads where lead_id = %s"
        row = self.admin.execute(ask, [person.lead]).fetchone()
        assert row
        return str(row[0]), bool(row[1]), overtaken


LISTERS = {"company": "company", "organization": "org", "platform": "platform"}


@contextmanager
def racing(place: Place, admin: Conn, company: Company, level: str) -> Iterator[Racer]:
    """Yield a racer whose connections are already open, so that the sides start close together."""
    with place.role(LISTERS[level]) as lister, place.role("company") as writer, place.role("worker") as worker:
        yield Racer(place, admin, company, level, lister, writer, worker)


def race(racer: Racer, count: int) -> Counter[End]:
    """Return how often each end was seen."""
    ends: Counter[End] = Counter()
    for number in range(count):
        ends[racer.run(number)] += 1
    return ends


@levels
def test_no_race_lets_a_listed_person_through(place: Place, admin: Conn, company: Company, level: str) -> None:
    """Either the wall refused, or the claim came first and the stop is due: never sent and forgotten."""
    with racing(place, admin, company, level) as racer:
        ends = race(racer, RACES)
    assert ends["sending", False, False] == 0, ends
    assert sum(count for end, count in ends.items() if end[2]) == 0, f"past a committed list: {ends}"
    assert ends["suppressed", False, False] > RACES // 8, f"too few claims came second: {ends}"
    assert sum(count for end, count in ends.items() if end[1]) > 0, f"no claim came first: {ends}"


def test_without_the_locks_the_race_is_lost(place: Place, admin: Conn, company: Company) -> None:
    """The proof that the harness above races: with the locks' triggers switched off, claims outlast the listing."""
    for table in ("campaign_leads", "suppressions"):
        admin.execute(f"alter table outbound.{table} disable trigger a_lock")
    try:
        with racing(place, admin, company, "company") as racer:
            ends = race(racer, RACES)
    finally:
        for table in ("campaign_leads", "suppressions"):
            admin.execute(f"alter table outbound.{table} enable trigger a_lock")
    assert sum(count for end, count in ends.items() if end[2]) > 0, ends
