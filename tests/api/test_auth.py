"""Logging in: one answer to all who may not, a session for all who may, and its end with the very next request."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest

from api.access.permissions import ROLES
from tests.api.answers import REQUEST_ID, likeness, problem
from tests.api.people import (
    PASSWORD,
    Person,
    caller,
    company_of,
    door,
    home_of,
    invite,
    more_people,
    network,
    new_email,
    new_person,
    operator,
    slug_of,
    tenant,
)
from tests.engine import Company, Engine, Organization

TRIALS = 30


@dataclass
class Stage:
    """A partner and a company, each with a user who has a password."""

    org: Organization
    company: Company
    admin: Person
    colleague: Person


@pytest.fixture(scope="module")
def stage(engine: Engine) -> Stage:
    org = tenant(engine)
    company = company_of(org)
    return Stage(org, company, new_person(org), new_person(org, "company_admin", company))


def test_who_knows_slug_address_and_password_gets_a_session(stage: Stage) -> None:
    for person, role in ((stage.admin, "org_admin"), (stage.colleague, "company_admin")):
        answer = person.try_login()
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        tokens = answer.json()
        assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 600)
        with caller(stage.org.engine, tokens["access_token"]) as session:
            me = session.get("/v1/auth/me").json()
        assert (me["user_id"], me["role"], me["auth_method"]) == (person.id, role, "session")
        assert me["organization_id"] == stage.org.id
        assert set(me["permissions"]) == ROLES[role]


def test_an_address_is_the_same_in_any_case_and_between_blanks(stage: Stage) -> None:
    for written in (stage.admin.email.upper(), f"  {stage.admin.email} "):
        assert stage.admin.try_login(email=written).status_code == 200


def suspended(org: Organization, person: Person) -> Person:
    org.api.patch(f"/partner/v1/users/{person.id}", json={"status": "suspended"}).raise_for_status()
    return person


def closed_company(engine: Engine, stage: Stage) -> Person:
    company = company_of(stage.org)
    person = new_person(stage.org, "company_admin", company)
    stage.org.api.patch(f"/partner/v1/companies/{company.id}", json={"status": "suspended"}).raise_for_status()
    return person


def closed_organization(engine: Engine, stage: Stage) -> Person:
    org = tenant(engine)
    person = new_person(org)
    with operator(engine) as client:
        client.patch(f"/platform/v1/organizations/{org.id}", json={"status": "suspended"}).raise_for_status()
    return person


def deleted_user(engine: Engine, stage: Stage) -> Person:
    person = new_person(stage.org)
    stage.org.api.delete(f"/partner/v1/users/{person.id}").raise_for_status()
    return person


REFUSED: dict[str, Callable[[Engine, Stage], Person]] = {
    "wrong password": lambda e, s: replace(new_person(s.org), password="a wrong password"),
    "unknown address": lambda e, s: replace(s.admin, email=new_email()),
    "unknown slug": lambda e, s: replace(s.admin, slug=f"nobody-{s.org.id}"),
    "slug in other case": lambda e, s: replace(s.admin, slug=s.admin.slug.upper()),
    "address of another organization": lambda e, s: replace(s.admin, email=new_person(tenant(e)).email),
    "suspended": lambda e, s: suspended(s.org, new_person(s.org)),
    "invited": lambda e, s: replace(s.admin, email=invite(s.org, "org_member")["email"]),
    "deleted": deleted_user,
    "company suspended": closed_company,
    "organization suspended": closed_organization,
}


@pytest.mark.parametrize("case", REFUSED)
def test_every_login_that_is_refused_gets_the_same_answer(case: str, stage: Stage, engine: Engine) -> None:
    def answer(person: Person) -> httpx.Response:
        body = {"organization": person.slug, "email": person.email, "password": person.password}
        with door(engine) as client:
            return client.post("/v1/auth/login", json=body, headers={"X-Request-Id": REQUEST_ID})

    usual = answer(replace(stage.admin, email=new_email()))
    problem(usual, 401, "login_failed")
    assert likeness(answer(REFUSED[case](engine, stage))) == likeness(usual)


def test_an_unknown_address_takes_as_long_as_a_known_one(engine: Engine) -> None:
    org = tenant(engine)
    first = new_person(org)
    people = [first, *more_people(first, org, None, 7)]
    known = [(person.slug, person.email) for person in people for _ in range(6)]
    unknown = [(first.slug, new_email()) for _ in known]
    taken: dict[bool, list[float]] = {True: [], False: []}
    for pair in zip(known, unknown, strict=True):
        for is_known, (slug, email) in zip((True, False), pair, strict=True):
            with door(engine) as client:
                client.get("/healthz")
                started = time.perf_counter()
                body = {"organization": slug, "email": email, "password": "not the password"}
                answer = client.post("/v1/auth/login", json=body)
                taken[is_known].append(time.perf_counter() - started)
            assert answer.status_code == 401
    middle = {is_known: median(times) for is_known, times in taken.items()}
    assert len(taken[True]) >= 40
    assert 0.75 < middle[True] / middle[False] < 1.25, middle


@pytest.mark.parametrize("who", ["admin", "colleague"])
def test_an_access_token_says_who_is_logged_in_under_a_published_key(who: str, stage: Stage, engine: Engine) -> None:
    person: Person = getattr(stage, who)
    before = int(time.time())
    token = person.login()["access_token"]
    with door(engine) as client:
        published = client.get("/.well-known/jwks.json").raise_for_status()
    assert "max-age" in published.headers["cache-control"]
    header = jwt.get_unverified_header(token)
    assert header["alg"] == "ES256"
    (key,) = [key for key in jwt.PyJWKSet.from_dict(published.json()).keys if key.key_id == header["kid"]]
    assert all(set(entry) == {"kty", "crv", "x", "y", "kid", "alg", "use"} for entry in published.json()["keys"])
    claims = jwt.decode(token, key, algorithms=["ES256"], audience="outbound", issuer=engine.api_url)
    company = {"company_id": stage.company.id} if who == "colleague" else {}
    level = "org" if who == "admin" else "company"
    assert re.fullmatch(r"t1:[0-9a-f]{64}", claims.pop("ctx"))
    assert {**claims, "sid": "", "jti": "", "iat": 0, "exp": 0} == {
        "iss": engine.api_url, "aud": "outbound", "sub": person.id, "sid": "", "role": f"dashboard_{level}",
        "org_id": stage.org.id, "user_role": f"{level}_admin", "token_use": "access", "iat": 0, "exp": 0, "jti": "",
        "scope": "conversations:read dashboards:read", **company,
    }  # fmt: skip
    assert before <= claims["iat"] <= time.time()
    assert claims["exp"] - claims["iat"] == 600
    assert UUID(claims["sid"]) != UUID(claims["jti"])


def test_a_session_does_what_a_token_of_its_role_does(stage: Stage) -> None:
    body = {"name": "By a person", "capability": "email_outreach"}
    with stage.colleague.session() as session:
        made = session.post("/v1/campaigns", json=body).raise_for_status().json()
        assert stage.company.api.get(f"/v1/campaigns/{made['id']}").json() == made
        assert session.get("/partner/v1/companies").status_code == 404
    with stage.admin.session() as session:
        ids = [row["id"] for row in session.get("/partner/v1/companies").raise_for_status().json()["data"]]
        assert stage.company.id in ids
        problem(session.post("/v1/campaigns", json=body), 422, "company_id_required")
        assert session.get(f"/v1/campaigns/{made['id']}").json() == made
    with new_person(stage.org, "org_member").session() as session:
        assert session.get("/v1/campaigns").status_code == 200
        problem(session.post("/partner/v1/companies", json={"name": "No"}), 403, "forbidden")


def test_logging_in_asks_for_all_it_needs_and_for_nothing_else(engine: Engine) -> None:
    body = {"organization": "somebody", "email": new_email(), "password": PASSWORD}
    with door(engine) as client:
        for name in body:
            problem(client.post("/v1/auth/login", json={**body, name: None}), 422, "invalid_request")
            problem(client.post("/v1/auth/login", json={k: v for k, v in body.items() if k != name}), 422)
        for extra in ("org_id", "company_id", "role", "user_id"):
            problem(client.post("/v1/auth/login", json={**body, extra: "x"}), 422, "invalid_request")
        answer = client.post("/v1/auth/login", json={**body, "password": "\0" * 600})
        assert "\0" not in answer.text
        problem(client.post("/v1/auth/login", json={**body, "email": "nul\0byte@example.com"}), 422)


# Each closes a credential in one request and opens what it closed again, or starts from a fresh one.
Trial = tuple[httpx.Client, Callable[[], Any]]


def logging_out(stage: Stage, path: str) -> Iterator[Trial]:
    people = more_people(stage.colleague, stage.org, stage.company, TRIALS // 5)
    for person in people * 5:
        session = person.session()
        yield session, lambda session=session: session.post(path).raise_for_status()


def by_partner(stage: Stage, closing: Callable[[Person], httpx.Response]) -> Iterator[Trial]:
    for person in more_people(stage.colleague, stage.org, stage.company, TRIALS):
        yield person.session(), lambda person=person: closing(person).raise_for_status()


def switching(stage: Stage, client: httpx.Client, path: str, api: httpx.Client) -> Iterator[Trial]:
    for _ in range(TRIALS):
        api.patch(path, json={"status": "active"}).raise_for_status()
        yield client, lambda: api.patch(path, json={"status": "suspended"}).raise_for_status()
    api.patch(path, json={"status": "active"}).raise_for_status()


def suspending_organization(stage: Stage) -> Iterator[Trial]:
    org = tenant(stage.org.engine)
    with new_person(org).session() as session, operator(org.engine) as client:
        yield from switching(stage, session, f"/platform/v1/organizations/{org.id}", client)


def revoking_tokens(stage: Stage) -> Iterator[Trial]:
    for _ in range(TRIALS):
        made = stage.company.api.post("/v1/api-tokens", json={}).raise_for_status().json()
        path = f"/v1/api-tokens/{made['id']}"
        yield caller(stage.org.engine, made["token"]), lambda path=path: stage.company.api.delete(path)


ENDS: dict[str, Callable[[Stage], Iterator[Trial]]] = {
    "logout": lambda s: logging_out(s, "/v1/auth/logout"),
    "logout everywhere": lambda s: logging_out(s, "/v1/auth/logout-everywhere"),
    "logged out by an administrator": lambda s: by_partner(
        s, lambda person: s.org.api.post(f"/partner/v1/users/{person.id}/logout")
    ),
    "user suspended": lambda s: by_partner(
        s, lambda person: s.org.api.patch(f"/partner/v1/users/{person.id}", json={"status": "suspended"})
    ),
    "user deleted": lambda s: by_partner(s, lambda person: s.org.api.delete(f"/partner/v1/users/{person.id}")),
    "company suspended": lambda s: switching(
        s, s.colleague.session(), f"/partner/v1/companies/{s.company.id}", s.org.api
    ),
    "organization suspended": suspending_organization,
    "token revoked": revoking_tokens,
}


@pytest.mark.parametrize("end", ENDS)
def test_what_has_ended_is_refused_with_the_very_next_request(end: str, stage: Stage) -> None:
    trials, late = 0, 0
    for client, close in ENDS[end](stage):
        assert client.get("/v1/auth/me").status_code == 200, end
        close()
        answer = client.get("/v1/auth/me")
        late += answer.status_code != 401
        trials += 1
    assert (trials >= TRIALS, late) == (True, 0)


def test_a_role_holds_from_the_very_next_request(stage: Stage) -> None:
    person = new_person(stage.org, "company_admin", stage.company)
    path = f"/partner/v1/users/{person.id}"
    with person.session() as session:
        for _ in range(TRIALS):
            assert session.get("/v1/users").status_code == 200
            stage.org.api.patch(path, json={"role": "company_member"}).raise_for_status()
            problem(session.get("/v1/users"), 403, "forbidden")
            stage.org.api.patch(path, json={"role": "company_admin"}).raise_for_status()


def test_a_token_ends_at_its_hour(stage: Stage, engine: Engine) -> None:
    body = {"expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    tokens = [stage.company.api.post("/v1/api-tokens", json=body).raise_for_status().json() for _ in range(TRIALS)]
    with door(engine) as client, engine.sql() as sql:

        def statuses() -> list[int]:
            headers = [{"Authorization": f"Bearer {token['token']}"} for token in tokens]
            return [client.get("/v1/campaigns", headers=one).status_code for one in headers]

        assert statuses() == [200] * TRIALS
        end = datetime.now(UTC) + timedelta(seconds=0.5)
        ids = [token["id"] for token in tokens]
        sql.execute("update outbound.api_tokens set expires_at = %s where id = any(%s)", [end, ids])
        time.sleep(max(0.0, (end - datetime.now(UTC)).total_seconds()) + 0.01)
        assert statuses() == [401] * TRIALS


def test_logging_out_ends_one_session_and_everywhere_ends_all_of_one_person(stage: Stage) -> None:
    first, second, third = (stage.admin.session() for _ in range(3))
    with new_person(stage.org).session() as other:
        first.post("/v1/auth/logout").raise_for_status()
        assert [client.get("/v1/auth/me").status_code for client in (first, second, third)] == [401, 200, 200]
        second.post("/v1/auth/logout-everywhere").raise_for_status()
        assert [client.get("/v1/auth/me").status_code for client in (second, third, other)] == [401, 401, 200]
    for path in ("/v1/auth/logout", "/v1/auth/logout-everywhere"):
        problem(stage.company.api.post(path), 409, "not_a_session")


def test_an_access_token_of_another_key_or_use_is_refused(stage: Stage, engine: Engine) -> None:
    token = stage.admin.login()["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    secret = home_of(engine).state.keys["signing"]
    forged = jwt.encode(claims, secret, algorithm="HS256", headers={"kid": jwt.get_unverified_header(token)["kid"]})
    with door(engine, network()) as client:
        for bad in (forged, f"{token[:-8]}AAAAAAAA", jwt.encode(claims, None, algorithm="none"), f"{token}.x"):
            problem(client.get("/v1/auth/me", headers={"Authorization": f"Bearer {bad}"}), 401, "unauthorized")
        assert client.get("/v1/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert slug_of(stage.org) == stage.admin.slug
