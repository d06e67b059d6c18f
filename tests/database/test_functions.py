"""The small functions and constraints that every row stands on."""

import random
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.database.catalog import value
from tests.database.tenants import (
    DOORS,
    Company,
    Conn,
    Place,
    acting,
    attempt,
    enter,
    insert,
    known_by,
    put,
    untriggered,
)

FOUNDATIONS = (
    Path(__file__).resolve().parents[2] / "supabase" / "migrations" / "20261129000100_outbound_foundations.sql"
)
MANY = 10_000

# Ids ---------------------------------------------------------------------------------------------------------------


def made_ids(conn: Conn, function: str) -> list[UUID]:
    """Return many ids made one after the other."""
    ask = f"select array_agg({function}() order by n) from generate_series(1, {MANY}) as n"  # noqa: S608  # a constant
    return value(conn, ask)


def check_ids(ids: list[UUID]) -> None:
    """Assert that ids are of version 7, of now, unique and in the order they were made."""
    assert len(set(ids)) == MANY
    assert ids == sorted(ids)
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}
    made = datetime.fromtimestamp((ids[0].int >> 80) / 1000, UTC)
    assert abs(datetime.now(UTC) - made) < timedelta(minutes=1)


def test_ids_are_sorted_and_unique(admin: Conn) -> None:
    check_ids(made_ids(admin, "outbound.uuid_v7"))


def test_ids_of_older_servers_are_sorted_and_unique_too(place: Place) -> None:
    """The body for Postgres 15 to 17, taken from the migration, since this server has its own."""
    body = re.search(r"as \$b\$(.*?)\$b\$", FOUNDATIONS.read_text(encoding="utf-8"), re.DOTALL)
    assert body
    with place.admin() as conn, conn.transaction(force_rollback=True):
        older = f"create function public.older_uuid_v7() returns uuid language plpgsql as $b${body[1]}$b$"
        conn.execute(older)  # pyright: ignore[reportArgumentType]
        check_ids(made_ids(conn, "public.older_uuid_v7"))


# Spellings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "normalized"),
    [
        ("Jo@Example.COM", "jo@example.com"),
        (" \t jo@example.com \r\n", "jo@example.com"),
        ("JÖ@EXAMPLE.com", "jö@example.com"),
        ("jo\u0308@example.com", "jö@example.com"),
        ("o'neil+tag@sub.example.com", "o'neil+tag@sub.example.com"),
        ("", ""),
        (None, None),
    ],
)
def test_an_address_that_logs_in_has_one_spelling(admin: Conn, written: str | None, normalized: str | None) -> None:
    ask = "select outbound.normalize_email(%s)"
    assert value(admin, ask, [written]) == normalized
    assert value(admin, ask, [normalized]) == normalized


def test_a_person_is_one_person_in_every_spelling(place: Place, company: Company) -> None:
    def ends(email: str | None, profile: str | None) -> str | None:
        row = known_by(email, profile)
        return attempt(conn, insert("leads", row, None), list(row.values())).sqlstate

    with acting(place, "company", company) as conn:
        assert ends("MARIA@lead.example ", None) == "23505"
        assert ends(None, "linkedin.com/in/first/?x=1") == "23505"
        assert ends("maria2@lead.example", "linkedin.com/in/first-2") is None


# Sequences ---------------------------------------------------------------------------------------------------------


def test_sequences_are_gapless_under_eight_writers(place: Place, admin: Conn, company: Company) -> None:
    taken: list[int] = []
    lock = threading.Lock()

    def write(seed: int) -> None:
        chance = random.Random(seed)
        with place.role("company") as conn:
            for _ in range(15):
                amount, fails = chance.randint(1, 5), chance.random() < 0.3
                with conn.transaction(force_rollback=fails):
                    enter(conn, "company", company)
                    before = value(conn, "select outbound.take_seq(%s, %s)", [company.id, amount])
                if not fails:
                    with lock:
                        taken.extend(range(before + 1, before + amount + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    last = value(admin, "select last_sequence from outbound.event_counters where company_id = %s", [company.id])
    assert sorted(taken) == list(range(2, last + 1)), "the seeded event has number 1"
    assert last > 100


def test_a_first_sequence_starts_at_zero_and_another_companys_is_refused(
    place: Place, admin: Conn, company: Company
) -> None:
    fresh = put(admin, "companies", {"org_id": company.org_id, "name": "Fresh"})
    with acting(place, "org", company) as conn:
        assert value(conn, "select outbound.take_seq(%s, 3)", [fresh]) == 0
        assert value(conn, "select outbound.take_seq(%s, 1)", [fresh]) == 3
    with acting(place, "company", company) as conn:
        assert attempt(conn, "select outbound.take_seq(%s, 1)", [fresh]).sqlstate == "42501"
        assert attempt(conn, "select outbound.take_seq(%s, 1)", [company.id]).rows == [(1,)]


# Soft deletes ------------------------------------------------------------------------------------------------------


def test_a_deleted_row_is_seen_by_the_deleting_transaction_only(place: Place, admin: Conn, company: Company) -> None:
    delete = "update outbound.leads set deleted_at = transaction_timestamp() where id = %s and deleted_at is null"
    ask, lead = "select count(*) from outbound.leads where id = %s", [company.rows["leads"]]
    with place.role("company") as one, place.role("company") as other:
        with one.transaction():
            enter(one, "company", company)
            assert one.execute(delete + " returning id", lead).fetchall() == [tuple(lead)]
            assert value(one, ask, lead) == 1
            with other.transaction():
                enter(other, "company", company)
                assert value(other, ask, lead) == 1, "not committed yet"
        for conn in (one, other):
            with conn.transaction():
                enter(conn, "company", company)
                assert value(conn, ask, lead) == 0
                assert conn.execute(delete, lead).rowcount == 0
    for tier in DOORS:
        with acting(place, tier, company) as conn:
            assert value(conn, ask, lead) == 0
    assert value(admin, ask, lead) == 1


def test_a_deleted_persons_address_is_free_again(place: Place, company: Company) -> None:
    row = known_by("maria@lead.example")
    people = insert("leads", row, None)
    with acting(place, "company", company) as conn:
        assert attempt(conn, people, list(row.values())).sqlstate == "23505"
        conn.execute("update outbound.leads set deleted_at = now() where id = %s", [company.rows["leads"]])
        assert attempt(conn, people, list(row.values())).sqlstate is None


# Many rows ---------------------------------------------------------------------------------------------------------

ADD_LEADS = """
    insert into outbound.leads (email, email_key, domain_key)
    select r.email, r.email_key, r.domain_key
    from jsonb_to_recordset(%s) as r (email text, email_key text, domain_key text)
    on conflict (org_id, company_id, email_key) where deleted_at is null do nothing
"""
ENROL = """
    insert into outbound.campaign_leads (campaign_id, lead_id)
    select %s, l.id from outbound.leads as l where l.domain_key = %s and l.deleted_at is null
    on conflict (org_id, company_id, campaign_id, lead_id) where deleted_at is null do nothing
"""


def test_ten_thousand_people_are_added_and_enrolled_once(place: Place, admin: Conn, company: Company) -> None:
    domain = f"many-{uuid4().hex[:8]}.example"
    rows = [known_by(f"P{number}@{domain}") for number in range(MANY)]
    again = [known_by(f" p{number}@{domain.upper()} ") for number in range(0, MANY, 10)]
    campaign = company.rows["campaigns"]
    with acting(place, "company", company, commit=True) as conn:
        assert conn.execute(ADD_LEADS, [Jsonb(rows)]).rowcount == MANY
        assert conn.execute(ADD_LEADS, [Jsonb(again)]).rowcount == 0
        assert conn.execute(ENROL, [campaign, domain]).rowcount == MANY
        assert conn.execute(ENROL, [campaign, domain]).rowcount == 0
    ask = """
        select l.org_id, l.company_id, e.org_id, e.company_id, e.push_state, count(distinct e.id), count(distinct l.id)
        from outbound.leads as l inner join outbound.campaign_leads as e on e.lead_id = l.id
        where l.domain_key = %s group by 1, 2, 3, 4, 5
    """
    made = admin.execute(ask, [domain]).fetchall()
    owner = (company.org_id, company.id)
    assert made == [(*owner, *owner, "pending", MANY, MANY)]


def test_one_bad_row_among_many_refuses_them_all(place: Place, company: Company) -> None:
    rows = [known_by(f"p{number}@bad.example") for number in range(1000)]
    with acting(place, "company", company) as conn:
        assert (
            attempt(
                conn, ADD_LEADS, [Jsonb([*rows, {**known_by("p@bad.example"), "email": "x" * 400}])], keep=True
            ).sqlstate
            == "23514"
        )
        assert value(conn, "select count(*) from outbound.leads where domain_key = 'bad.example'") == 0
        assert attempt(conn, ADD_LEADS, [Jsonb(rows)]).count == 1000


def test_copy_is_refused_where_rows_are_fenced(place: Place, company: Company) -> None:
    with (
        acting(place, "company", company) as conn,
        pytest.raises(psycopg.errors.FeatureNotSupported),
        conn.cursor().copy("copy outbound.leads (email) from stdin") as copy,
    ):
        copy.write_row(["copied@lead.example"])


# States ------------------------------------------------------------------------------------------------------------

NOW, SOME_ID = "2026-01-01T00:00:00Z", UUID(int=1)
GOOD: list[dict[str, Any]] = [
    {"push_state": "pending"},
    {"push_state": "sending", "push_attempt_id": SOME_ID, "push_attempted_at": NOW},
    {"push_state": "uncertain", "push_attempt_id": SOME_ID, "push_attempted_at": NOW},
    {"push_state": "pushed", "pushed_at": NOW},
    {"push_state": "pushed", "pushed_at": NOW, "push_attempt_id": SOME_ID, "push_attempted_at": NOW},
    {"push_state": "failed", "push_reason": "refused"},
    {"push_state": "suppressed", "status": "stopped"},
    {"push_state": "pushed", "pushed_at": NOW, "stop_state": "due", "stop_reason": "replied"},
]
BAD: list[dict[str, Any]] = [
    {"push_state": "sent"},
    {"push_state": "sending"},
    {"push_state": "sending", "push_attempt_id": SOME_ID},
    {"push_state": "sending", "push_attempted_at": NOW},
    {"push_state": "uncertain"},
    {"push_state": "pushed"},
    {"push_state": "pending", "pushed_at": NOW},
    {"status": "unknown"},
    {"stop_state": "due"},
    {"stop_reason": "replied"},
    {"stop_state": "maybe", "stop_reason": "replied"},
    {"stop_state": "due", "stop_reason": "mood"},
]


@pytest.mark.parametrize(("state", "sqlstate"), [*((row, None) for row in GOOD), *((row, "23514") for row in BAD)])
def test_an_enrolments_state_is_whole(
    place: Place, admin: Conn, company: Company, state: dict[str, Any], sqlstate: str | None
) -> None:
    row = {
        "org_id": company.org_id, "company_id": company.id, "campaign_id": company.rows["campaigns"],
        "lead_id": company.spare["leads"], **state,
    }  # fmt: skip
    assert attempt(admin, insert("campaign_leads", row, None), list(row.values())).sqlstate == sqlstate


@pytest.mark.parametrize(
    ("change", "sqlstate"),
    [
        ("send_from = '18:00'", "23514"), ("send_days = '{}'", "23514"), ("send_days = '{0}'", "23514"),
        ("status = 'draft', started_at = now()", "23514"), ("name = ''", "23514"), ("status = 'gone'", "23514"),
        ("minutes_between_sends = 2", "23514"), ("max_new_leads_per_day = 0", "23514"),
        ("status = 'active', started_at = now(), send_days = '{6,7}'", None), ("send_until = '23:59'", None),
    ],
)  # fmt: skip
def test_a_campaigns_state_is_whole(place: Place, company: Company, change: str, sqlstate: str | None) -> None:
    with acting(place, "company", company) as conn:
        ask = f"update outbound.campaigns set {change} where id = %s"  # noqa: S608  # a change of this page
        assert attempt(conn, ask, [company.rows["campaigns"]]).sqlstate == sqlstate


def test_a_change_is_dated_by_the_database(place: Place, admin: Conn, company: Company) -> None:
    admin.execute("update outbound.leads set first_name = 'Old' where id = %s", [company.rows["leads"]])
    ask = "select updated_at, created_at from outbound.leads where id = %s"
    before = admin.execute(ask, [company.rows["leads"]]).fetchone()
    with acting(place, "company", company, commit=True) as conn:
        conn.execute("update outbound.leads set first_name = 'New' where id = %s", [company.rows["leads"]])
    after = admin.execute(ask, [company.rows["leads"]]).fetchone()
    assert before and after
    assert after[0] > before[0]
    assert after[1] == before[1]


STATES = ("pending", "sending", "pushed", "uncertain", "failed", "suppressed")
ARROWS = {
    ("pending", "sending"), ("pending", "suppressed"), ("sending", "pushed"), ("sending", "uncertain"),
    ("sending", "failed"), ("sending", "pending"), ("sending", "suppressed"), ("uncertain", "pushed"),
    ("uncertain", "pending"), ("uncertain", "failed"), ("uncertain", "suppressed"),
}  # fmt: skip


@pytest.mark.parametrize("old", STATES)
@pytest.mark.parametrize("new", STATES)
def test_the_ledger_turns_only_as_its_arrows_say(
    place: Place, admin: Conn, company: Company, *, old: str, new: str
) -> None:
    row = [company.rows["campaign_leads"]]
    change = (
        "update outbound.campaign_leads set push_state = %s, push_attempt_id = id, push_attempted_at = now(), "
        "pushed_at = case when %s = 'pushed' then now() end where id = %s"
    )
    with untriggered(admin):
        admin.execute(change, [old, old, *row])
    with acting(place, "worker", company) as conn:
        turned = attempt(conn, change, [new, new, *row])
    assert turned.sqlstate == (None if old == new or (old, new) in ARROWS else "23514")
