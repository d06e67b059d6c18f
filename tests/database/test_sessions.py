"""Logging in and refreshing: counted before a password is known, alike for users who do not exist, tokens good once."""

import secrets
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.database.catalog import value
from tests.database.people import (
    DOOR,
    HASH,
    OPEN,
    Person,
    answer,
    bucket_of,
    child_of,
    knock,
    log_in,
    login_request,
    new_person,
    nothing_left_open,
    opens,
    refresh,
    session_request,
    session_subject,
    subject,
)
from tests.database.tenants import TIERS, Company, Conn, Place, attempt, enter, seed_organization, ticket

EMPTY = (0.0, None, None)


@pytest.fixture
def person(admin: Conn, company: Company) -> Person:
    """A user of a company with a password."""
    return new_person(admin, company)


def comes_back(public: Conn, wanted: dict[str, Any]) -> tuple[float, UUID | None, str | None]:
    """Ask at the login's first door and return what a password could be compared with."""
    row = answer(public, "login", wanted)
    return row["wait_seconds"], row["user_id"], row["password_hash"]


def left(admin: Conn, bucket: str) -> int | None:
    """Return how many whole tries are left in a bucket; None before the first try."""
    tokens = value(admin, "select tokens from ctx.login_buckets where bucket = %s", [bucket])
    return None if tokens is None else round(tokens)


def later(admin: Conn, bucket: str, seconds: float) -> None:
    """Let a bucket's time pass."""
    admin.execute(
        "update ctx.login_buckets set updated_at = updated_at - make_interval(secs => %s) where bucket = %s",
        [seconds, bucket],
    )


# Counting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [True, False], ids=["a known account", "an unknown account"])
def test_an_account_has_ten_tries_and_then_one_every_ninety_seconds(
    admin: Conn, public: Conn, person: Person, *, known: bool
) -> None:
    email = person.email if known else "nobody@person.example"
    bucket = bucket_of(login_request(person, email=email))
    right = (0.0, person.id, HASH) if known else EMPTY

    def ask() -> tuple[float, UUID | None, str | None]:
        return comes_back(public, login_request(person, email=email))

    assert [ask() for _ in range(10)] == [right] * 10, "counted, though nobody said whether a password was right"
    wait, *rest = ask()
    assert 85 < wait <= 90
    assert rest == [None, None]
    later(admin, bucket, 60)
    assert 25 < ask()[0] <= 30, "a refused try costs nothing"
    later(admin, bucket, 31)
    assert ask() == right
    assert ask()[0] > 85
    later(admin, bucket, 1_000_000)
    assert [ask()[0] for _ in range(10)] == [0] * 10
    assert ask()[0] > 85, "a bucket holds no more than ten"


def test_a_known_device_has_tries_of_its_own(admin: Conn, public: Conn, person: Person) -> None:
    stranger = login_request(person)
    owner = login_request(person, known_device=True)
    for _ in range(10):
        comes_back(public, stranger)
    assert comes_back(public, stranger)[0] > 0
    assert [comes_back(public, owner) for _ in range(10)] == [(0.0, person.id, HASH)] * 10
    assert comes_back(public, owner)[0] > 85
    assert comes_back(public, stranger)[0] > 85
    assert left(admin, bucket_of(stranger)) == 0


def test_a_network_has_a_hundred_tries_and_then_one_every_nine_seconds(
    admin: Conn, public: Conn, person: Person
) -> None:
    address = secrets.token_hex(16)
    others = [f"n{number}@person.example" for number in range(100)]
    waits = [comes_back(public, login_request(person, address=address, email=email))[0] for email in others]
    assert waits == [0] * 100
    last = login_request(person, address=address)
    wait, *rest = comes_back(public, last)
    assert 1 <= wait <= 9
    assert rest == [None, None]
    assert left(admin, bucket_of(last)) is None, "the account's own tries are kept"
    later(admin, f"address:{address}", 9.5)
    assert comes_back(public, last) == (0.0, person.id, HASH)


def test_a_login_gives_the_accounts_tries_back(admin: Conn, public: Conn, person: Person) -> None:
    wanted = login_request(person)
    bucket = bucket_of(wanted)
    for _ in range(7):
        comes_back(public, wanted)
    assert left(admin, bucket) == 3
    answer(public, "session-new", session_request(person, secrets.token_bytes(32)))
    assert left(admin, bucket) is None


def test_many_processes_count_together(place: Place, person: Person) -> None:
    wanted = login_request(person)

    def ask(_: int) -> float:
        with place.role("public") as conn:
            return comes_back(conn, wanted)[0]

    with ThreadPoolExecutor(6) as pool:
        waits = list(pool.map(ask, range(24)))
    assert waits.count(0) == 10


# Who is not there --------------------------------------------------------------------------------------------------

UNKNOWN = {
    "an unknown slug": "select 1",
    "an unknown address": "select 1",
    "a suspended person": "update outbound.users set status = 'suspended' where id = %(person)s",
    "a deleted person": "update outbound.users set deleted_at = now() where id = %(person)s",
    "an invited person": "update outbound.users set status = 'invited', password_hash = null where id = %(person)s",
    "a suspended company": "update outbound.companies set status = 'suspended' where id = %(company)s",
    "a company being deleted": "update outbound.companies set status = 'deleting' where id = %(company)s",
    "a deleted company": "update outbound.companies set deleted_at = now() where id = %(company)s",
    "a suspended organization": "update outbound.organizations set status = 'suspended' where id = %(org)s",
    "an organization being deleted": "update outbound.organizations set status = 'deleting' where id = %(org)s",
    "a deleted organization": "update outbound.organizations set deleted_at = now() where id = %(org)s",
}


@pytest.mark.parametrize("who", UNKNOWN)
def test_an_unknown_user_comes_back_empty_and_counted(admin: Conn, public: Conn, person: Person, who: str) -> None:
    changed = {"an unknown slug": {"slug": "nobody"}, "an unknown address": {"email": "nobody@person.example"}}
    wanted = login_request(person, **changed.get(who, {}))
    assert comes_back(public, login_request(person)) == (0.0, person.id, HASH)
    admin.execute(UNKNOWN[who], {"person": person.id, "company": person.company_id, "org": person.org_id})
    assert comes_back(public, wanted) == EMPTY
    assert left(admin, bucket_of(wanted)) == (9 if who in changed else 8)


def test_an_address_is_known_in_its_own_organization_only(admin: Conn, public: Conn, person: Person) -> None:
    (other,) = seed_organization(admin)
    stranger = new_person(admin, other)
    assert comes_back(public, login_request(person, slug=stranger.slug)) == EMPTY
    assert comes_back(public, login_request(person, email=f" {person.email.upper()} "))[1] == person.id


CHANGED = {
    "another hash": ({"password_hash": HASH + "-older"}, "select 1"),
    "no hash": ({"password_hash": None}, "select 1"),
    "another person": ({"user_id": str(uuid4())}, "select 1"),
    "another organization": ({"org_id": str(uuid4())}, "select 1"),
    **{who: ({}, statement) for who, statement in UNKNOWN.items() if "unknown" not in who},
    "a password set meanwhile": ({}, "update outbound.users set password_hash = password_hash || '2' "
                                     "where id = %(person)s"),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGED)
def test_a_login_is_not_finished_for_another_user_than_it_began_for(
    admin: Conn, public: Conn, person: Person, what: str
) -> None:
    changed, statement = CHANGED[what]
    admin.execute(statement, {"person": person.id, "company": person.company_id, "org": person.org_id})
    token = secrets.token_bytes(32)
    assert knock(public, "session-new", session_request(person, token, **changed)).sqlstate == "28000"
    assert value(admin, "select count(*) from outbound.sessions where user_id = %s", [person.id]) == 0
    assert value(admin, "select count(*) from ctx.refresh_tokens where hmac = %s", [token]) == 0


@pytest.mark.parametrize("level", ["company", "org"])
def test_a_session_opens_the_context_of_its_person(
    place: Place, admin: Conn, public: Conn, company: Company, level: str
) -> None:
    person = new_person(admin, company, level=level)
    wanted = session_request(person, secrets.token_bytes(32), rehash=HASH + "-newer", user_agent="x" * 900)
    opened = answer(public, "session-new", wanted)
    assert (opened["company_id"], opened["role"], opened["name"]) == (person.company_id, f"{level}_admin", "Jo")
    named = session_subject(opened["session_id"])
    with place.role(level) as conn:
        rows = attempt(conn, OPEN, [ticket("session", named)]).rows
    assert rows == [
        (person.org_id, person.company_id, person.id, opened["session_id"], level, "session", f"{level}_admin", None)
    ]
    assert value(admin, "select password_hash from outbound.users where id = %s", [person.id]) == HASH + "-newer"
    days = "select extract(day from expires_at - now()) from outbound.sessions where id = %s"
    assert value(admin, days, [opened["session_id"]]) == 29
    other = "org" if level == "company" else "company"
    assert not opens(place, other, "session", named)


# Refreshing --------------------------------------------------------------------------------------------------------


def tokens(admin: Conn, session_id: UUID) -> int:
    """Return how many refresh tokens a session has had."""
    return int(value(admin, "select count(*) from ctx.refresh_tokens where session_id = %s", [session_id]))


def age(admin: Conn, token: bytes, seconds: float) -> None:
    """Let time pass since a refresh token was used."""
    moved = "update ctx.refresh_tokens set used_at = used_at - make_interval(secs => %s) where hmac = %s"
    assert admin.execute(moved, [seconds, token]).rowcount == 1


def ended(place: Place, admin: Conn, session_id: UUID) -> tuple[str | None, bool, int]:
    """Return why a session was revoked, whether its access tokens still open, and what the record says of reuse."""
    return (
        value(admin, "select revoked_reason from outbound.sessions where id = %s", [session_id]),
        opens(place, "company", "session", session_subject(session_id)),
        value(
            admin,
            "select count(*) from outbound.audit_log as a inner join outbound.sessions as s "
            "on s.org_id = a.org_id and s.company_id = a.company_id and s.user_id = a.actor_user_id "
            "where s.id = %s and a.action = 'session.reuse_detected' and a.target ->> 'id' = s.id::text",
            [session_id],
        ),
    )


LIVING, STOLEN = (None, True, 0), ("reuse", False, 1)


def test_a_refresh_token_is_exchanged_for_one_child(place: Place, admin: Conn, public: Conn, person: Person) -> None:
    session_id, token = log_in(public, person)
    admin.execute("update outbound.sessions set refreshed_at = '2026-01-01' where id = %s", [session_id])
    row = answer(public, "refresh", {"hmac": token.hex(), "child_hmac": child_of(token).hex()})
    assert row == {
        "outcome": "fresh", "org_id": person.org_id, "session_id": session_id, "user_id": person.id,
        "company_id": person.company_id, "role": "company_admin",
    }  # fmt: skip
    assert value(admin, "select refreshed_at > '2026-02-01' from outbound.sessions where id = %s", [session_id])
    assert [refresh(public, token), refresh(public, token)] == ["repeated", "repeated"]
    assert tokens(admin, session_id) == 2
    assert refresh(public, child_of(token)) == "fresh"
    idle = "select extract(day from expires_at - now()) from ctx.refresh_tokens where hmac = %s"
    assert value(admin, idle, [child_of(token)]) == 6
    assert ended(place, admin, session_id) == LIVING


@pytest.mark.parametrize("seconds", [8, 11])
def test_a_question_is_repeated_within_ten_seconds_only(
    place: Place, admin: Conn, public: Conn, person: Person, seconds: int
) -> None:
    session_id, token = log_in(public, person)
    refresh(public, token)
    age(admin, token, seconds)
    assert refresh(public, token) == ("repeated" if seconds < 10 else "reused")
    assert ended(place, admin, session_id) == (LIVING if seconds < 10 else STOLEN)
    assert refresh(public, child_of(token)) == ("fresh" if seconds < 10 else "refused")


def test_a_question_with_another_child_is_a_second_use(place: Place, admin: Conn, public: Conn, person: Person) -> None:
    session_id, token = log_in(public, person)
    refresh(public, token)
    assert refresh(public, token, secrets.token_bytes(32)) == "reused"
    assert ended(place, admin, session_id) == STOLEN


@pytest.mark.parametrize("first", ["the thief", "the owner"])
def test_a_stolen_token_ends_the_session_in_either_order_of_use(
    place: Place, admin: Conn, public: Conn, person: Person, first: str
) -> None:
    session_id, token = log_in(public, person)
    other, _ = log_in(public, person)
    assert refresh(public, token) == "fresh", first
    if first == "the owner":
        assert refresh(public, child_of(token)) == "fresh", "the owner lives on; the thief comes at once"
    else:
        age(admin, token, 60)
    assert refresh(public, token) == "reused"
    assert ended(place, admin, session_id) == STOLEN
    assert [refresh(public, each) for each in (token, child_of(token), child_of(child_of(token)))] == ["refused"] * 3
    assert ended(place, admin, session_id) == STOLEN, "said once"
    assert ended(place, admin, other) == LIVING, "another login of the same person"


def test_fifty_refreshes_at_once_make_one_child(place: Place, admin: Conn, public: Conn, person: Person) -> None:
    session_id, token = log_in(public, person)
    ready = threading.Barrier(50)

    def ask(_: int) -> str:
        with place.role("public") as conn:
            ready.wait(30)
            return refresh(conn, token)

    with ThreadPoolExecutor(50) as pool:
        outcomes = Counter(pool.map(ask, range(50)))
    assert outcomes == {"fresh": 1, "repeated": 49}
    assert tokens(admin, session_id) == 2
    assert ended(place, admin, session_id) == LIVING


OVER = {
    "an idle token": "update ctx.refresh_tokens set expires_at = now() where session_id = %(session)s",
    "an old session": "update outbound.sessions set expires_at = now() where id = %(session)s",
    "a logout": "update outbound.sessions set revoked_at = now(), revoked_reason = 'logout' where id = %(session)s",
    **{who: statement for who, statement in UNKNOWN.items() if "unknown" not in who and "invited" not in who},
}


@pytest.mark.parametrize("what", OVER)
def test_what_is_over_is_not_refreshed(admin: Conn, public: Conn, person: Person, what: str) -> None:
    session_id, token = log_in(public, person)
    named = {"session": session_id, "person": person.id, "company": person.company_id, "org": person.org_id}
    assert admin.execute(OVER[what], named).rowcount == 1
    row = answer(public, "refresh", {"hmac": token.hex(), "child_hmac": child_of(token).hex()})
    assert row == {**dict.fromkeys(row), "outcome": "refused"}
    assert tokens(admin, session_id) == 1
    reason = value(admin, "select revoked_reason from outbound.sessions where id = %s", [session_id])
    assert reason == ("logout" if what == "a logout" else None)


def test_an_unknown_token_is_refused_alike(public: Conn) -> None:
    row = answer(public, "refresh", {"hmac": secrets.token_hex(32), "child_hmac": secrets.token_hex(32)})
    assert row == {**dict.fromkeys(row), "outcome": "refused"}


# Tickets -----------------------------------------------------------------------------------------------------------


def documents(person: Person) -> dict[str, object]:
    """Return a document that each door would take."""
    token = secrets.token_bytes(32)
    return {
        "login": login_request(person), "session-new": session_request(person, token),
        "refresh": {"hmac": token.hex(), "child_hmac": child_of(token).hex()},
        "link": {"hmac": token.hex(), "password_hash": HASH},
        "used": [{"id": str(uuid4()), "org_id": str(person.org_id), "at": 1}],
    }  # fmt: skip


@pytest.mark.parametrize("kind", DOOR)
def test_a_door_takes_a_living_ticket_of_its_own_kind_and_leaves_no_context(
    public: Conn, person: Person, kind: str
) -> None:
    own = subject(documents(person)[kind])
    for other in (*(DOOR.keys() - {kind}), "token", "session", "hook", "job", "platform"):
        assert attempt(public, DOOR[kind], [ticket(other, own)]).sqlstate == "28000", other
    for wrong in (ticket(kind, own, seconds=-0.01), ticket(kind, own, key=b"\1" * 32), "", None):
        assert attempt(public, DOOR[kind], [wrong]).sqlstate == "28000"
    with nothing_left_open(public):
        assert attempt(public, DOOR[kind], [ticket(kind, own)], keep=True).sqlstate is None


@pytest.mark.parametrize("kind", DOOR)
def test_a_door_is_the_public_roles_alone_and_opens_inside_no_context(
    place: Place, company: Company, person: Person, kind: str
) -> None:
    right = ticket(kind, subject(documents(person)[kind]), seconds=30)
    for tier in set(TIERS) - {"public"}:
        with place.role(tier) as conn:
            assert attempt(conn, DOOR[kind], [right]).sqlstate == "42501", tier
    with place.role("public") as conn, conn.transaction():
        enter(conn, "public", company)
        assert attempt(conn, DOOR[kind], [right]).sqlstate == "55000"


def test_a_ticket_is_no_good_after_its_time(public: Conn, person: Person) -> None:
    token = secrets.token_bytes(32)
    short = ticket("session-new", subject(session_request(person, token)), seconds=0.3)
    assert attempt(public, DOOR["session-new"], [short], keep=True).sqlstate is None
    time.sleep(0.35)
    assert attempt(public, DOOR["session-new"], [short], keep=True).sqlstate == "28000"


def test_a_replayed_login_opens_no_second_session(admin: Conn, public: Conn, person: Person) -> None:
    """Within a ticket's life its refresh token is there already, and unique."""
    same = ticket("session-new", subject(session_request(person, secrets.token_bytes(32))))
    assert attempt(public, DOOR["session-new"], [same], keep=True).sqlstate is None
    assert attempt(public, DOOR["session-new"], [same], keep=True).sqlstate == "23505"
    assert value(admin, "select count(*) from outbound.sessions where user_id = %s", [person.id]) == 1


@pytest.mark.parametrize("what", ["login", "refused", "session-new", "fresh", "repeated", "reused", "link"])
def test_no_door_leaves_a_context_open(public: Conn, person: Person, what: str) -> None:
    _, token = log_in(public, person)
    wanted = {"hmac": token.hex(), "child_hmac": child_of(token).hex()}
    if what in ("repeated", "reused"):
        refresh(public, token)
    if what == "reused":
        wanted["child_hmac"] = secrets.token_hex(32)
    with nothing_left_open(public):
        if what in ("fresh", "repeated", "reused"):
            assert answer(public, "refresh", wanted)["outcome"] == what
        elif what == "refused":
            assert knock(public, "session-new", session_request(person, token, password_hash="no")).sqlstate == "28000"
        elif what == "login":
            assert comes_back(public, login_request(person))[1] == person.id
        else:
            assert knock(public, what, documents(person)[what]).sqlstate is None
