"""What every write and answer shares: repeating safely, versions, the standing of a credential, and a caller's keys."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.access.permissions import PUBLIC, ROUTES
from tests.api.answers import pointers, problem, random_id
from tests.api.people import caller, company_of, door, invite, new_email, operator, tenant, watched
from tests.engine import Company, Engine, Organization, add_leads, addresses, draft

KEY = "Idempotency-Key"


@dataclass
class Stage:
    """A tenant with one of everything that can be changed."""

    org: Organization
    company: Company
    paths: dict[str, str]

    def client(self, path: str) -> httpx.Client:
        return self.org.api if path.startswith("/partner") else self.company.api


@pytest.fixture(scope="module")
def stage(engine: Engine) -> Stage:
    org = tenant(engine)
    company = company_of(org)
    org.connect(company)
    campaign = draft(company)
    lead = add_leads(company, campaign, addresses(1))["results"][0]["lead_id"]
    paths = {
        "company": f"/partner/v1/companies/{company.id}",
        "own company": "/v1/company",
        "organization": "/partner/v1/organization",
        "user": f"/partner/v1/users/{invite(org, 'org_member')['id']}",
        "own user": f"/v1/users/{invite(org, 'company_member', company)['id']}",
        "campaign": f"/v1/campaigns/{campaign}",
        "lead": f"/v1/leads/{lead}",
    }
    return Stage(org, company, paths)


RESOURCES = ["company", "own company", "organization", "user", "own user", "campaign", "lead"]


def post(client: httpx.Client, path: str, key: str, body: Any) -> httpx.Response:
    return client.post(path, json=body, headers={KEY: key.encode()})


def bare_campaign(company: Company) -> str:
    body = {"name": "Bare", "capability": "email_outreach"}
    return company.api.post("/v1/campaigns", json=body).raise_for_status().json()["id"]


WRITES: dict[str, Callable[[Stage], tuple[str, dict[str, Any]]]] = {
    "token": lambda s: ("/v1/api-tokens", {"name": "Once"}),
    "partner's token": lambda s: ("/partner/v1/api-tokens", {"company_id": s.company.id}),
    "campaign": lambda s: ("/v1/campaigns", {"name": "Once", "capability": "email_outreach"}),
    "leads": lambda s: (f"{s.paths['campaign']}/leads", {"leads": [{"email": addresses(1)[0]}]}),
    "invitation": lambda s: ("/v1/users", {"email": new_email(), "name": "Once"}),
    "user": lambda s: ("/partner/v1/users", {"email": new_email(), "name": "Once", "role": "org_member"}),
    "link": lambda s: (f"{s.paths['user']}/link", {}),
    "company": lambda s: ("/partner/v1/companies", {"name": "Once"}),
    "suppression": lambda s: ("/v1/suppressions", {"email": new_email()}),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_write_that_is_repeated_is_done_once_and_answered_alike(write: str, stage: Stage) -> None:
    path, body = WRITES[write](stage)
    client, key = stage.client(path), str(uuid4())
    first = post(client, path, key, body)
    assert first.is_success, first.text
    assert "idempotency-replayed" not in first.headers
    for _ in range(2):
        again = post(client, path, key, body)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["idempotency-replayed"] == "true"
        assert [again.headers.get(name) for name in ("etag", "content-type")] == [
            first.headers.get(name) for name in ("etag", "content-type")
        ]
    other = post(client, path, str(uuid4()), body)
    assert "idempotency-replayed" not in other.headers
    if write not in ("suppression", "user"):  # these would be there already
        assert other.content != first.content


def test_a_change_and_a_deletion_are_repeated_safely_too(stage: Stage) -> None:
    for client, path in ((stage.org.api, "/partner/v1/users"), (stage.company.api, "/v1/users")):
        owner = stage.company if client is stage.company.api else None
        user = invite(stage.org, "company_member" if owner else "org_member", owner)
        headers = {KEY: str(uuid4())}
        changed = [client.patch(f"{path}/{user['id']}", json={"name": "New"}, headers=headers) for _ in range(2)]
        assert changed[0].content == changed[1].content
        assert changed[1].headers["etag"] == changed[0].headers["etag"]
        deleted = [client.delete(f"{path}/{user['id']}", headers=headers) for _ in range(2)]
        assert [answer.status_code for answer in deleted] == [204, 204]
        assert deleted[1].headers["idempotency-replayed"] == "true"
        problem(client.delete(f"{path}/{user['id']}"), 404)


@pytest.mark.parametrize("write", ["token", "campaign", "leads", "invitation"])
def test_one_key_stands_for_one_request(write: str, stage: Stage) -> None:
    path, body = WRITES[write](stage)
    client, key = stage.client(path), str(uuid4())
    post(client, path, key, body).raise_for_status()
    _, other = WRITES["campaign" if write == "campaign" else write](stage)
    other = {**other, "name": "Another"} if "name" in other else other
    problem(post(client, path, key, other), 422, "idempotency_key_reused")
    assert post(client, path, key, body).headers["idempotency-replayed"] == "true"


def test_a_key_is_the_callers_the_methods_and_the_paths(stage: Stage, engine: Engine) -> None:
    key, body = str(uuid4()), {"name": "Same", "capability": "email_outreach"}
    other = company_of(stage.org, "Other")
    colleague = stage.company.api.post("/v1/api-tokens", json={}).raise_for_status().json()
    with caller(engine, colleague["token"]) as same_company:
        made = [post(client, "/v1/campaigns", key, body) for client in (stage.company.api, other.api, same_company)]
    assert [answer.status_code for answer in made] == [201] * 3
    assert len({answer.json()["id"] for answer in made}) == 3
    assert all("idempotency-replayed" not in answer.headers for answer in made)
    assert post(stage.company.api, "/v1/api-tokens", key, {}).status_code == 201


@pytest.mark.parametrize("write", ["campaign", "token", "leads"])
def test_twenty_at_once_are_done_once(write: str, stage: Stage, engine: Engine) -> None:
    company = company_of(stage.org, "Twenty")
    own = Stage(stage.org, company, {"campaign": f"/v1/campaigns/{bare_campaign(company)}"})
    path, body = WRITES[write](own)
    key, together = str(uuid4()), threading.Barrier(20)

    def once(_: int) -> httpx.Response:
        with watched(httpx.Client(base_url=engine.api_url, headers=company.api.headers, timeout=60)) as client:
            together.wait()
            return post(client, path, key, body)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(once, range(20)))
    done = [answer for answer in answers if answer.is_success]
    assert len({answer.content for answer in done}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in done) == 1
    for answer in answers:
        if not answer.is_success:
            problem(answer, 409, "idempotency_in_progress")
            assert int(answer.headers["retry-after"]) > 0
    counted = {"campaign": "/v1/campaigns", "token": "/v1/api-tokens", "leads": "/v1/leads"}[write]
    before = {"campaign": 1, "token": 1, "leads": 0}[write]
    assert len(company.api.get(counted).json()["data"]) == before + 1
    print(Counter(answer.status_code for answer in answers))


def test_what_failed_is_not_remembered(stage: Stage) -> None:
    client, key = stage.company.api, str(uuid4())
    good = {"name": "Good", "capability": "email_outreach"}
    problem(post(client, "/v1/campaigns", key, {**good, "capability": "telepathy"}), 422)
    problem(post(client, "/v1/campaigns", key, {**good, "name": 7}), 422)
    assert post(client, "/v1/campaigns", key, good).status_code == 201
    path = f"/v1/users/{random_id()}"
    for _ in range(2):
        answer = client.patch(path, json={"name": "x"}, headers={KEY: key})
        assert "idempotency-replayed" not in answer.headers
        problem(answer, 404)
    with_key = {KEY: str(uuid4())}
    campaign = client.post("/v1/campaigns", json=good).json()["id"]
    problem(client.post(f"/v1/campaigns/{campaign}/start", headers=with_key), 409, "campaign_not_ready")
    answer = client.post(f"/v1/campaigns/{campaign}/start", headers=with_key)
    problem(answer, 409, "campaign_not_ready")
    assert "idempotency-replayed" not in answer.headers


@pytest.mark.parametrize(
    ("key", "good"),
    [("x", True), ("x" * 255, True), ("x" * 256, False), ("", False), ("with blank", False), ("é", False)],
    ids=["one", "255", "256", "empty", "blank", "accent"],
)
def test_a_key_has_1_to_255_plain_characters(key: str, good: bool, stage: Stage) -> None:
    company = company_of(stage.org, "Keys")
    answer = post(company.api, "/v1/suppressions", key, {"email": new_email()})
    if good:
        assert answer.status_code == 201
    else:
        assert pointers(problem(answer, 422, "invalid_request"))[0][0].lower() == "header idempotency-key"


def test_a_key_is_forgotten_after_a_day_and_its_answer_is_kept_sealed(stage: Stage, engine: Engine) -> None:
    key = str(uuid4())
    first = post(stage.company.api, "/v1/api-tokens", key, {}).raise_for_status().json()
    with engine.sql() as sql:
        row = sql.execute("select answer, status_code from outbound.idempotency_keys where key = %s", [key]).fetchone()
        assert row is not None
        assert row["status_code"] == 201
        assert first["token"].encode() not in bytes(row["answer"])
        assert first["id"].encode() not in bytes(row["answer"])
        aged = "update outbound.idempotency_keys set created_at = now() - interval '25 hours' where key = %s"
        sql.execute(aged, [key])
    second = post(stage.company.api, "/v1/api-tokens", key, {})
    assert second.json()["id"] != first["id"]
    assert "idempotency-replayed" not in second.headers


def test_an_answer_that_was_kept_is_for_callers_who_still_may(stage: Stage, engine: Engine) -> None:
    made = stage.company.api.post("/v1/api-tokens", json={"scopes": ["tokens:write", "tokens:read"]}).json()
    key = str(uuid4())
    with caller(engine, made["token"]) as client:
        post(client, "/v1/api-tokens", key, {}).raise_for_status()
        stage.company.api.patch(f"/v1/users/{made['user_id']}", json={"role": "company_member"}).raise_for_status()
        problem(post(client, "/v1/api-tokens", key, {}), 403, "forbidden")
        stage.company.api.delete(f"/v1/api-tokens/{made['id']}").raise_for_status()
        problem(post(client, "/v1/api-tokens", key, {}), 401, "unauthorized")


def test_the_document_promises_409_wherever_a_key_is_taken(stage: Stage) -> None:
    document = stage.org.api.get("/partner/openapi.json").raise_for_status().json()
    silent = [
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if any(parameter["name"] == KEY for parameter in operation.get("parameters", []))
        and "409" not in operation["responses"]
    ]
    assert silent == []


def test_every_write_takes_a_key(stage: Stage) -> None:
    document = stage.org.api.get("/partner/openapi.json").raise_for_status().json()
    without = [
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method != "get" and not any(parameter["name"] == KEY for parameter in operation.get("parameters", []))
    ]
    assert all(ROUTES[route] == PUBLIC for route in without), without


@pytest.mark.parametrize("name", RESOURCES)
def test_a_resource_changes_only_in_the_version_that_was_read(name: str, stage: Stage) -> None:
    path = stage.paths[name]
    client = stage.client(path)
    first = client.get(path).raise_for_status()
    tag = first.headers["etag"]
    assert tag.startswith('"')
    assert client.get(path).headers["etag"] == tag
    changed = client.patch(path, json={"metadata": {"v": "1"}}, headers={"If-Match": tag}).raise_for_status()
    assert changed.headers["etag"] != tag
    assert client.get(path).headers["etag"] == changed.headers["etag"]
    for stale in (tag, '"nothing"', f"W/{changed.headers['etag']}", "nonsense"):
        problem(client.patch(path, json={"metadata": {"v": "2"}}, headers={"If-Match": stale}), 412)
    assert client.get(path).content == changed.content
    for good in (f'"other", {changed.headers["etag"]}', "*"):
        client.patch(path, json={"metadata": {"v": "3"}}, headers={"If-Match": good}).raise_for_status()
    assert client.get(path).json()["metadata"]["v"] == "3"


def test_of_two_changes_to_one_version_one_is_made(stage: Stage) -> None:
    path = stage.paths["campaign"]
    tag = stage.company.api.get(path).headers["etag"]

    def change(number: int) -> int:
        return stage.company.api.patch(path, json={"name": f"{number}"}, headers={"If-Match": tag}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(change, range(8))) == [200, *[412] * 7]


def test_what_is_made_has_the_version_that_is_read_next(stage: Stage) -> None:
    made = stage.company.api.post("/v1/campaigns", json={"name": "x", "capability": "email_outreach"})
    assert made.headers["etag"] == stage.company.api.get(f"/v1/campaigns/{made.json()['id']}").headers["etag"]
    tags = {stage.client(path).get(path).headers["etag"] for path in stage.paths.values()}
    assert len(tags) >= len(stage.paths) - 1  # a company is the same to itself and to its partner
    assert "etag" not in stage.company.api.get("/v1/campaigns").headers


def test_every_guarded_answer_tells_where_the_credential_stands(stage: Stage) -> None:
    client = stage.company.api
    answers = [
        client.get("/v1/campaigns"), client.get(f"/v1/campaigns/{random_id()}"), client.post("/v1/campaigns", json={}),
        client.post("/v1/suppressions", json={"email": new_email()}), client.get("/v1/auth/me"),
        client.post("/v1/auth/logout"), stage.org.api.get("/partner/v1/companies"),
        client.post("/v1/campaigns", content=b"{", headers={"Content-Type": "application/json"}),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 404, 422, 201, 200, 409, 200, 400]
    for answer in answers:
        limit, left, full = (int(answer.headers[f"ratelimit-{name}"]) for name in ("limit", "remaining", "reset"))
        assert limit == 60000
        assert 0 <= left < limit
        assert 0 <= full <= 60
    with door(stage.org.engine) as anonymous:
        for path in ("/healthz", "/openapi.json", "/v1/campaigns"):
            assert "ratelimit-limit" not in anonymous.get(path).headers


@pytest.mark.parametrize("name", RESOURCES)
def test_metadata_is_merged_key_by_key(name: str, stage: Stage) -> None:
    path = stage.paths[name]
    client = stage.client(path)

    def patched(metadata: dict[str, Any] | None) -> dict[str, str]:
        made = client.patch(path, json={"metadata": metadata}).raise_for_status().json()["metadata"]
        assert client.get(path).json()["metadata"] == made
        return made

    patched(dict.fromkeys(client.get(path).json()["metadata"]))
    assert patched({"crm": "42", "ü 日本": "✓", "empty": ""}) == {"crm": "42", "ü 日本": "✓", "empty": ""}
    assert patched({"crm": "43", "new": "x"}) == {"crm": "43", "ü 日本": "✓", "empty": "", "new": "x"}
    assert patched({"ü 日本": None, "never": None}) == {"crm": "43", "empty": "", "new": "x"}
    assert patched({}) == patched(None) == {"crm": "43", "empty": "", "new": "x"}
    assert patched({"k" * 40: "v" * 500, "crm": None, "empty": None, "new": None}) == {"k" * 40: "v" * 500}


BAD: dict[str, dict[str, Any]] = {
    "number": {"a": 1}, "list": {"a": ["b"]}, "nested": {"a": {"b": "c"}}, "long key": {"k" * 41: "x"},
    "empty key": {"": "x"}, "long value": {"a": "v" * 501}, "NUL in a value": {"a": "b\0"},
    "NUL in a key": {"a\0": "b"}, "51 keys": {str(number): "x" for number in range(51)},
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_metadata_is_short_text_under_short_names(bad: str, stage: Stage) -> None:
    for name in RESOURCES:
        path = stage.paths[name]
        problem(stage.client(path).patch(path, json={"metadata": BAD[bad]}), 422, "invalid_request")
    body = {"name": "x", "capability": "email_outreach", "metadata": BAD[bad]}
    problem(stage.company.api.post("/v1/campaigns", json=body), 422, "invalid_request")
    problem(stage.org.api.post("/partner/v1/companies", json={"name": "x", "metadata": BAD[bad]}), 422)


@pytest.mark.parametrize("name", RESOURCES)
def test_metadata_never_holds_more_than_sixteen_kibibytes(name: str, stage: Stage) -> None:
    path = stage.paths[name]
    before = stage.client(path).get(path).json()
    large = {f"key {number}": "ü" * 500 for number in range(20)}
    document = problem(stage.client(path).patch(path, json={"metadata": large}), 422, "invalid_request")
    assert pointers(document) == [("/metadata", "metadata_too_large")]
    assert stage.client(path).get(path).json() == before


@pytest.mark.parametrize("name", RESOURCES)
def test_metadata_never_holds_more_than_fifty_keys(name: str, stage: Stage, engine: Engine) -> None:
    path, tables = stage.paths[name], {"own company": "companies", "own user": "users", "company": "companies"}
    headers = stage.client(path).headers
    with httpx.Client(base_url=engine.api_url, headers=headers) as client, engine.sql() as sql:
        row = client.get(path).raise_for_status().json()["id"]
        table = f"outbound.{tables.get(name, f'{name}s')}"
        sql.execute(f"update {table} set metadata = '{{}}' where id = %s", [row])  # noqa: S608
        client.patch(path, json={"metadata": {f"key {number}": "x" for number in range(50)}})
        answer = client.patch(path, json={"metadata": {"one more": "x"}})
        shown = len(client.get(path).json()["metadata"])
        sql.execute(f"update {table} set metadata = '{{}}' where id = %s", [row])  # noqa: S608
    problem(answer, 422)
    assert shown == 50


def test_an_operator_sets_an_organizations_metadata_too(stage: Stage, engine: Engine) -> None:
    with operator(engine) as client:
        path = f"/platform/v1/organizations/{stage.org.id}"
        client.patch(path, json={"metadata": {"plan": "large"}}).raise_for_status()
        assert stage.org.api.get("/partner/v1/organization").json()["metadata"]["plan"] == "large"
        client.patch(path, json={"metadata": {"plan": None}}).raise_for_status()
        assert "plan" not in client.get(path).json()["metadata"]
