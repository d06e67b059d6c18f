"""A key is taken once per caller: the very statements of api/http/idempotency.sql, with every wall around the keys."""

import re
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.database.catalog import value
from tests.database.tenants import Company, Conn, Place, World, acting, attempt, enter

WRITES = Path(__file__).resolve().parents[2] / "api" / "http" / "idempotency.sql"


def statement(name: str) -> str:
    """Return a statement of the API's, by its name."""
    found = re.search(rf"-- name: {name} :\w+\n(.*?)(?=\n-- name:|\Z)", WRITES.read_text(encoding="utf-8"), re.DOTALL)
    assert found, name
    return found[1]


TAKE, ANSWERED, KEEP = statement("take_key"), statement("answered"), statement("keep")


def question_of(company: Company, **changed: Any) -> dict[str, Any]:
    """Return what the API asks for a key; the credential is the company's token."""
    return {
        "credential_id": company.rows["api_tokens"], "method": "POST", "path": "/v1/leads",
        "key": secrets.token_hex(8), "sha256": b"\5" * 32, **changed,
    }  # fmt: skip


def take_key(place: Place, tier: str, company: Company, question: dict[str, Any]) -> UUID | None:
    """Take a key in a transaction of its own; None when it was taken before."""
    with acting(place, tier, company, commit=True) as conn:
        return value(conn, TAKE, question)


def test_a_key_is_taken_once(place: Place, admin: Conn, company: Company) -> None:
    question = question_of(company)
    with acting(place, "company", company, commit=True) as conn:
        made = value(conn, TAKE, question)
        assert attempt(conn, TAKE, question).rows == [], "not twice in one transaction"
    assert take_key(place, "company", company, question) is None
    row = "select org_id, company_id, credential_id, status_code, answer from outbound.idempotency_keys where id = %s"
    assert admin.execute(row, [made]).fetchall() == [
        (company.org_id, company.id, company.rows["api_tokens"], None, None)
    ]


@pytest.mark.parametrize(
    "changed", [{"credential_id": uuid4()}, {"method": "PUT"}, {"path": "/v1/leads/1"}, {"key": "another"}],
    ids=["another credential", "another method", "another path", "another key"],
)  # fmt: skip
def test_another_question_is_another_key(place: Place, company: Company, changed: dict[str, Any]) -> None:
    question = question_of(company)
    assert take_key(place, "company", company, question) is not None
    assert take_key(place, "company", company, {**question, **changed}) is not None
    assert take_key(place, "company", company, {**question, "sha256": b"\6" * 32}) is None, "the body is no part of it"


def test_key_spaces_of_two_companies_and_of_their_organization_lie_apart(place: Place, world: World) -> None:
    """The same credential, path and key everywhere, as no two askers ever have: only the space differs."""
    question = question_of(world.a1)
    askers = [("company", world.a1), ("company", world.a2), ("org", world.a1), ("company", world.b1), ("org", world.b1)]
    made = [take_key(place, tier, company, question) for tier, company in askers]
    assert None not in made
    assert len(set(made)) == 5
    assert [take_key(place, tier, company, question) for tier, company in askers] == [None] * 5


def test_an_answer_is_found_by_its_own_asker_alone(place: Place, world: World) -> None:
    question = question_of(world.a1)
    with acting(place, "company", world.a1, commit=True) as conn:
        made = value(conn, TAKE, question)
        assert attempt(conn, ANSWERED, question).rows == [], "nothing is answered yet"
        conn.execute(KEEP, {"id": made, "status_code": 201, "answer": b"sealed"})
        assert attempt(conn, ANSWERED, question).rows == [(made, b"\5" * 32, 201, b"sealed")]
    for tier, company in (("company", world.a2), ("company", world.b1), ("org", world.b1)):
        with acting(place, tier, company) as conn:
            assert attempt(conn, ANSWERED, question).rows == []
            assert attempt(conn, KEEP, {"id": made, "status_code": 500, "answer": b"forged"}).count == 0
            assert attempt(conn, "delete from outbound.idempotency_keys where id = %s", [made]).count == 0
    with acting(place, "company", world.a1) as conn:
        assert attempt(conn, ANSWERED, question).rows == [(made, b"\5" * 32, 201, b"sealed")]


@pytest.mark.parametrize("tier", ["company", "org"])
@pytest.mark.parametrize(("age", "free"), [("23 hours 59 minutes", False), ("24 hours 1 minute", True)])
def test_a_key_is_free_again_after_a_day(
    place: Place, admin: Conn, company: Company, tier: str, age: str, *, free: bool
) -> None:
    question = question_of(company)
    first = take_key(place, tier, company, question)
    with acting(place, tier, company, commit=True) as conn:
        conn.execute(KEEP, {"id": first, "status_code": 201, "answer": b"sealed"})
    moved = "update outbound.idempotency_keys set created_at = now() - %s::interval where id = %s"
    assert admin.execute(moved, [age, first]).rowcount == 1
    again = take_key(place, tier, company, question)
    assert (again is not None) is free
    assert again != first
    with acting(place, tier, company) as conn:
        assert len(attempt(conn, ANSWERED, question).rows) == (0 if free else 1), "an old answer is not given again"
    stored = "select count(*) from outbound.idempotency_keys where key = %s"
    assert value(admin, stored, [question["key"]]) == 1


def test_an_old_key_of_another_space_is_left_alone(place: Place, admin: Conn, world: World) -> None:
    question = question_of(world.a1)
    theirs = take_key(place, "company", world.a2, question)
    admin.execute("update outbound.idempotency_keys set created_at = now() - interval '2 days' where id = %s", [theirs])
    assert take_key(place, "company", world.a1, question) is not None
    assert value(admin, "select count(*) from outbound.idempotency_keys where id = %s", [theirs]) == 1


@pytest.mark.parametrize("old", [False, True], ids=["new", "a day old"])
def test_twenty_calls_at_once_are_one(place: Place, admin: Conn, company: Company, *, old: bool) -> None:
    question, ready = question_of(company), threading.Barrier(20)
    if old:
        first = take_key(place, "company", company, question)
        age = "update outbound.idempotency_keys set created_at = now() - interval '2 days' where id = %s"
        admin.execute(age, [first])

    def ask(_: int) -> UUID | None:
        with place.role("company") as conn:
            ready.wait(30)
            with conn.transaction():
                enter(conn, "company", company)
                return value(conn, TAKE, question)

    with ThreadPoolExecutor(20) as pool:
        made = [each for each in pool.map(ask, range(20)) if each is not None]
    assert len(made) == 1
    assert value(admin, "select id from outbound.idempotency_keys where key = %s", [question["key"]]) == made[0]


@pytest.mark.parametrize("kept", [True, False], ids=["committed", "rolled back"])
def test_a_second_taking_waits_for_the_first_to_end(place: Place, company: Company, *, kept: bool) -> None:
    question = question_of(company)
    with ThreadPoolExecutor(1) as pool:
        with acting(place, "company", company, commit=kept) as conn:
            assert value(conn, TAKE, question) is not None
            second = pool.submit(take_key, place, "company", company, question)
            time.sleep(0.1)
            assert not second.done()
        assert (second.result(10) is None) is kept


def test_a_call_can_say_that_another_is_at_it(place: Place, company: Company) -> None:
    question = question_of(company)
    with acting(place, "company", company) as conn, acting(place, "company", company) as other:
        value(conn, TAKE, question)
        other.execute(statement("wait_briefly"))
        assert attempt(other, TAKE, question).sqlstate == "55P03"
        other.execute(statement("wait_no_longer"))
        assert value(other, "show lock_timeout") == "0"


def test_whose_a_key_is_comes_from_the_context(place: Place, admin: Conn, world: World) -> None:
    make = "insert into outbound.idempotency_keys (credential_id, method, path, key, request_sha256, {}) values (%s, 'POST', '/', 'k', %s, %s)"  # noqa: E501
    row = [uuid4(), b"\7" * 32]
    for column, other in (("company_id", world.a2.id), ("org_id", world.b1.org_id), ("created_at", "2030-01-01")):
        with acting(place, "company", world.a1) as conn:
            assert attempt(conn, make.format(column), [*row, other]).sqlstate == "42501", column
    forged = "select set_config(%s, %s, true)"
    with acting(place, "company", world.a1) as conn:
        for name, other in (("app.company_id", world.a2.id), ("app.org_id", world.b1.org_id)):
            with conn.transaction(force_rollback=True):
                conn.execute(forged, [name, str(other)])
                assert attempt(conn, TAKE, question_of(world.a1)).sqlstate == "42501", name
