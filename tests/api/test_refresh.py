"""Refresh tokens: each is good once, a lost answer logs no user out, and its second use ends the whole session."""

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import jwt
import pytest

from api.access.vault import REFRESH_PREFIX
from tests.api.answers import problem
from tests.api.people import Person, caller, company_of, door, new_person, operator, tenant, vault_of
from tests.engine import Company, Engine, Organization


@pytest.fixture(scope="module")
def org(engine: Engine) -> Organization:
    return tenant(engine)


@pytest.fixture(scope="module")
def company(org: Organization) -> Company:
    return company_of(org)


@pytest.fixture(scope="module")
def person(org: Organization, company: Company) -> Person:
    return new_person(org, "company_admin", company)


def refresh(engine: Engine, token: str) -> httpx.Response:
    with door(engine) as client:
        return client.post("/v1/auth/refresh", json={"refresh_token": token})


def next_of(engine: Engine, tokens: dict[str, Any]) -> dict[str, Any]:
    """Refresh once, and return the next pair."""
    answer = refresh(engine, tokens["refresh_token"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def ended(engine: Engine, *pairs: dict[str, Any]) -> None:
    """Check that nothing of a session works any more."""
    for tokens in pairs:
        with caller(engine, tokens["access_token"]) as client:
            problem(client.get("/v1/auth/me"), 401, "unauthorized")
        problem(refresh(engine, tokens["refresh_token"]), 401, "session_ended")


def session_of(tokens: dict[str, Any]) -> str:
    return str(jwt.decode(tokens["access_token"], options={"verify_signature": False})["sid"])


def later(engine: Engine, tokens: dict[str, Any], seconds: int = 11) -> None:
    """Let some time pass since a token was used."""
    hmac = vault_of(engine).token_hmac(tokens["refresh_token"], purpose="refresh")
    with engine.sql() as sql:
        moved = sql.execute(
            "update ctx.refresh_tokens set used_at = used_at - make_interval(secs => %s) where hmac = %s and used_at"
            " is not null",
            [seconds, hmac],
        )
        assert moved.rowcount == 1


def test_a_session_goes_on_from_pair_to_pair(person: Person, engine: Engine) -> None:
    tokens = person.login()
    session, seen = session_of(tokens), {tokens["refresh_token"]}
    for _ in range(5):
        tokens = next_of(engine, tokens)
        assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 600)
        assert session_of(tokens) == session
        assert tokens["refresh_token"] not in seen
        seen.add(tokens["refresh_token"])
        with caller(engine, tokens["access_token"]) as client:
            assert client.get("/v1/auth/me").json()["user_id"] == person.id


def test_a_repeated_question_gets_the_same_pair_for_ten_seconds(person: Person, engine: Engine) -> None:
    first = person.login()
    child = next_of(engine, first)
    later(engine, first, 5)
    assert next_of(engine, first)["refresh_token"] == child["refresh_token"]
    later(engine, first, 6)
    problem(refresh(engine, first["refresh_token"]), 401, "session_ended")
    ended(engine, first, child)


def test_a_token_whose_child_was_used_ends_the_session(person: Person, engine: Engine) -> None:
    first = person.login()
    second = next_of(engine, first)
    third = next_of(engine, second)
    problem(refresh(engine, first["refresh_token"]), 401, "session_ended")
    ended(engine, first, second, third)


@pytest.mark.parametrize("thief_first", [True, False], ids=["the thief first", "the owner first"])
@pytest.mark.parametrize("steps", [1, 3])
def test_a_stolen_token_ends_the_session_in_either_order_of_use(
    thief_first: bool, steps: int, person: Person, company: Company, engine: Engine
) -> None:
    stolen = person.login()
    elsewhere = person.login()
    one = stolen
    for _ in range(steps):  # the first to come goes on with what they were given
        one = next_of(engine, one)
    later(engine, stolen)
    problem(refresh(engine, stolen["refresh_token"]), 401, "session_ended")  # the other one comes
    ended(engine, stolen, one)
    assert next_of(engine, elsewhere)["refresh_token"] != elsewhere["refresh_token"]
    rows = company.api.get("/v1/audit-log", params={"action": "session.reuse_detected"}).json()["data"]
    assert rows[0]["target"] == {"id": session_of(stolen)}
    assert (rows[0]["actor"]["user_id"], rows[0]["actor"]["tier"]) == (person.id, "auth")


def test_fifty_at_once_get_one_pair(person: Person, engine: Engine) -> None:
    tokens = person.login()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: refresh(engine, tokens["refresh_token"]), range(50)))
    assert {answer.status_code for answer in answers} == {200}
    pairs = [answer.json() for answer in answers]
    assert len({pair["refresh_token"] for pair in pairs}) == 1
    assert {session_of(pair) for pair in pairs} == {session_of(tokens)}
    with engine.sql() as sql:
        query = "select count(*) as n from ctx.refresh_tokens where session_id = %s"
        assert sql.execute(query, [session_of(tokens)]).fetchone() == {"n": 2}
    next_of(engine, pairs[0])


def test_a_session_never_has_two_tokens_that_can_go_on(person: Person, engine: Engine) -> None:
    chance = random.Random(7)
    for _ in range(4):
        given, alive = [person.login()], True
        for _ in range(8):
            chosen = chance.choice(given[-3:])
            answer = refresh(engine, chosen["refresh_token"])
            # The newest goes on, its parent gets the newest again, and anything older is the end.
            alive = alive and chosen in given[-2:]
            assert (answer.status_code == 200) == alive
            if alive and chosen is given[-1]:
                given.append(answer.json())
            elif alive:
                assert answer.json()["refresh_token"] == given[-1]["refresh_token"]


def test_what_is_no_refresh_token_is_refused_and_ends_nothing(person: Person, engine: Engine) -> None:
    tokens = person.login()
    good = tokens["refresh_token"]
    assert good.startswith(REFRESH_PREFIX)
    refused = [
        "x", good[:-1], good + "A", good.upper(), good.removeprefix(REFRESH_PREFIX),
        engine.vault.new_secret(REFRESH_PREFIX),
        tokens["device_token"],
    ]  # fmt: skip
    for bad in refused:
        problem(refresh(engine, bad), 401, "session_ended")
    problem(refresh(engine, tokens["access_token"]), 422)
    with door(engine) as client:
        problem(client.post("/v1/auth/refresh", json={}), 422, "invalid_request")
        problem(client.get("/v1/auth/me", headers={"Authorization": f"Bearer {good}"}), 401, "unauthorized")
    next_of(engine, tokens)


@pytest.mark.parametrize("column", ["idle for a week", "a month old"])
def test_a_session_that_is_too_old_does_not_go_on(column: str, person: Person, engine: Engine) -> None:
    tokens = person.login()
    session = session_of(tokens)
    with engine.sql() as sql:
        ends = sql.execute(
            "select extract(epoch from s.expires_at - now()) / 86400 as whole, extract(epoch from r.expires_at - now())"
            " / 86400 as idle from outbound.sessions as s, ctx.refresh_tokens as r where s.id = %s and r.session_id"
            " = s.id",
            [session],
        ).fetchone()
        assert ends is not None
        assert (round(ends["whole"]), round(ends["idle"])) == (30, 7)
        table, key = (
            ("ctx.refresh_tokens", "session_id") if column == "idle for a week" else ("outbound.sessions", "id")
        )
        sql.execute(f"update {table} set expires_at = now() where {key} = %s", [session])  # noqa: S608
    problem(refresh(engine, tokens["refresh_token"]), 401, "session_ended")
    with caller(engine, tokens["access_token"]) as client:
        assert client.get("/v1/auth/me").status_code == (200 if column == "idle for a week" else 401)


@pytest.mark.parametrize(
    "closing", ["logout", "suspended user", "deleted user", "suspended company", "suspended organization", "password"]
)
def test_a_closed_session_does_not_go_on(closing: str, engine: Engine) -> None:
    org = tenant(engine)
    company = company_of(org)
    person = new_person(org, "company_admin", company)
    tokens = person.login()
    user, api = f"/partner/v1/users/{person.id}", org.api
    with caller(engine, tokens["access_token"]) as session, operator(engine) as platform, door(engine) as anonymous:
        if closing == "logout":
            done = session.post("/v1/auth/logout")
        elif closing == "suspended company":
            done = api.patch(f"/partner/v1/companies/{company.id}", json={"status": "suspended"})
        elif closing == "suspended organization":
            done = platform.patch(f"/platform/v1/organizations/{org.id}", json={"status": "suspended"})
        elif closing == "password":
            link = api.post(f"{user}/link").raise_for_status().json()["token"]
            done = anonymous.post("/v1/auth/password", json={"token": link, "password": "another long password"})
        else:
            done = api.delete(user) if closing == "deleted user" else api.patch(user, json={"status": "suspended"})
        done.raise_for_status()
    ended(engine, tokens)


def test_a_refreshed_token_carries_the_role_of_now(org: Organization, company: Company, engine: Engine) -> None:
    person = new_person(org, "company_admin", company)
    tokens = person.login()
    org.api.patch(f"/partner/v1/users/{person.id}", json={"role": "company_member"}).raise_for_status()
    claims = jwt.decode(next_of(engine, tokens)["access_token"], options={"verify_signature": False})
    assert claims["user_role"] == "company_member"
