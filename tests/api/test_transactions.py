"""A request happens or it does not: commits before answers, whole roll-backs, request ids, and no secret in any log."""

import secrets
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from os import kill

import httpx
import pytest

from tests.api.answers import problem, random_id
from tests.engine import STEPS, Company, Engine, add_leads, addresses, draft, wait_for


@pytest.fixture(scope="module")
def company(engine: Engine) -> Company:
    return engine.new_organization().connected_company()


@contextmanager
def refused_at_commit(engine: Engine, table: str, condition: str) -> Iterator[None]:
    """Let the commit of rows that fit a condition fail, after every statement succeeded."""
    name = f"refuse_{secrets.token_hex(4)}"
    body = "begin raise exception 'refused at commit' using errcode = 'P0001'; end"
    with engine.sql() as sql:
        sql.execute(f"create function public.{name}() returns trigger language plpgsql as $${body}$$")
        sql.execute(
            f"create constraint trigger {name} after insert or update on outbound.{table} deferrable initially"
            f" deferred for each row when ({condition}) execute function public.{name}()"
        )
        try:
            yield
        finally:
            sql.execute(f"drop trigger {name} on outbound.{table}")
            sql.execute(f"drop function public.{name}()")


def names(company: Company) -> list[str]:
    rows = company.api.get("/v1/campaigns", params={"limit": 200}).raise_for_status().json()["data"]
    return [row["name"] for row in rows]


def test_a_failed_commit_is_a_5xx_and_nothing_of_it_stays(engine: Engine, company: Company) -> None:
    name = f"Doomed {secrets.token_hex(4)}"
    body = {"name": name, "capability": "email_outreach"}
    with refused_at_commit(engine, "campaigns", f"new.name = '{name}'"):
        problem(company.api.post("/v1/campaigns", json=body), 500, "internal_error")
        assert name not in names(company)
        campaign = draft(company)
        problem(company.api.patch(f"/v1/campaigns/{campaign}", json={"name": name}), 500, "internal_error")
        assert company.api.get(f"/v1/campaigns/{campaign}").json()["name"] == "Campaign"
    assert company.api.post("/v1/campaigns", json=body).status_code == 201
    assert name in names(company)


def test_a_failed_commit_of_leads_a_webhook_and_a_company_is_a_5xx_too(engine: Engine) -> None:
    organization = engine.new_organization()
    company = organization.connected_company()
    campaign = draft(company)
    path = f"/v1/campaigns/{campaign}/leads"
    with refused_at_commit(engine, "leads", f"new.company_id = '{company.id}'"):
        leads = {"leads": [{"email": email} for email in addresses(3)]}
        problem(company.api.post(path, json=leads), 500, "internal_error")
    assert company.api.get(path).json()["data"] == []
    assert company.api.get("/v1/leads").json()["data"] == []
    with refused_at_commit(engine, "companies", f"new.org_id = '{organization.id}'"):
        problem(organization.api.post("/partner/v1/companies", json={"name": "Doomed"}), 500, "internal_error")
    assert len(organization.api.get("/partner/v1/companies").json()["data"]) == 1
    with refused_at_commit(engine, "suppressions", f"new.company_id = '{company.id}'"):
        problem(company.api.post("/v1/suppressions", json={"email": addresses(1)[0]}), 500, "internal_error")
    assert company.api.get("/v1/suppressions").json()["data"] == []


def test_a_request_that_fails_in_its_last_statement_leaves_nothing_behind(engine: Engine, company: Company) -> None:
    campaign = draft(company, leads=1)
    path = f"/v1/campaigns/{campaign}"
    before = company.api.get(path).json()
    with refused_at_commit(engine, "events", f"new.campaign_id = '{campaign}'"):
        problem(company.api.post(f"{path}/start"), 500, "internal_error")
    assert company.api.get(path).json() == before
    with engine.sql() as sql:
        row = sql.execute("select count(*) as n from outbound.events where campaign_id = %s", [campaign]).fetchone()
    assert row == {"n": 0}


def test_a_refused_part_of_a_request_rolls_back_its_other_parts(company: Company) -> None:
    campaign = draft(company)
    path = f"/v1/campaigns/{campaign}"
    sequence, senders = (company.api.get(f"{path}/{name}").json() for name in ("sequence", "senders"))
    bad = {"steps": [STEPS[0], {**STEPS[0], "body": "{{nobody}}"}]}
    problem(company.api.put(f"{path}/sequence", json=bad), 422)
    mixed = {"sender_ids": [*senders["sender_ids"][:1], random_id()]}
    problem(company.api.put(f"{path}/senders", json=mixed), 422)
    assert company.api.get(f"{path}/sequence").json() == sequence
    assert company.api.get(f"{path}/senders").json() == senders


def test_a_refusal_leaves_its_connection_fit_for_the_next_request(company: Company, engine: Engine) -> None:
    campaign = draft(company)
    refusals = [
        lambda: company.api.post(f"/v1/campaigns/{campaign}/start"),
        lambda: company.api.post(f"/v1/campaigns/{campaign}/pause"),
        lambda: company.api.get(f"/v1/campaigns/{random_id()}"),
        lambda: company.api.get("/v1/leads?email=%00"),
        lambda: httpx.get(
            f"{engine.api_url}/v1/senders", headers={"Authorization": f"Bearer {engine.vault.new_token('company')}"}
        ),
        lambda: company.api.put(f"/v1/campaigns/{campaign}/senders", json={"sender_ids": [random_id()]}),
    ]
    for _ in range(4):
        for refusal in refusals:
            assert 400 <= refusal().status_code < 500
            for name in ("senders", "campaigns", "leads", "suppressions", "events", "capabilities"):
                answer = company.api.get(f"/v1/{name}")
                assert answer.status_code == 200, (name, answer.text)
    with ThreadPoolExecutor(16) as pool:
        mixed = list(pool.map(lambda n: refusals[n % 4]() if n % 3 else company.api.get("/v1/senders"), range(200)))
    assert {answer.status_code for answer in mixed[::3]} == {200}


@pytest.mark.parametrize("given", ["abc", "A.b_c-9", "x" * 64, "0"])
def test_a_safe_request_id_is_echoed(given: str, company: Company) -> None:
    answer = company.api.get("/v1/campaigns", headers={"X-Request-Id": given})
    assert answer.headers.get_list("x-request-id") == [given]
    refused = company.api.get(f"/v1/campaigns/{random_id()}", headers={"X-Request-Id": given})
    assert problem(refused, 404)["request_id"] == given


@pytest.mark.parametrize(
    "given",
    [b"", b"x" * 65, b"a b", b"a\tb", "é".encode(), "日本".encode(), b"<script>", b'a"b', b"a;b", b"a/b", b"\xff"],
)
def test_an_unsafe_request_id_is_replaced(given: bytes, company: Company) -> None:
    answer = company.api.get(f"/v1/campaigns/{random_id()}", headers={b"X-Request-Id": given})
    document = problem(answer, 404)
    assert document["request_id"].encode() != given
    assert document["request_id"].startswith("req_")


def test_every_kind_of_answer_carries_a_request_id_of_its_own(engine: Engine, company: Company) -> None:
    with engine.client() as anonymous:
        answers = [
            anonymous.get(path) for path in ("/healthz", "/readyz", "/docs", "/openapi.json", "/nothing", "/v1/leads")
        ]
    answers += [company.api.delete("/v1/campaigns"), company.api.post("/v1/campaigns", content=b"{")]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(ids)


def test_a_request_while_postgres_is_away_is_a_503_and_soon_all_is_well(engine: Engine, company: Company) -> None:
    campaign = draft(company)
    pid = engine.dev["pids"]["postgres"]
    kill(pid, signal.SIGKILL)
    answers: list[httpx.Response] = []
    started = time.monotonic()
    while time.monotonic() - started < 240:
        began = time.monotonic()
        answers.append(company.api.get(f"/v1/campaigns/{campaign}"))
        assert time.monotonic() - began < 55, "a request hung"
        if answers[-1].status_code == 200 and time.monotonic() - started > 1:
            break
    for answer in answers:
        if answer.status_code != 200:
            problem(answer, 503, "unavailable")
    assert answers[-1].status_code == 200
    wait_for("a new postgres", lambda: engine.dev["pids"].get("postgres") not in (None, pid), 20)
    again = time.monotonic()
    with engine.client() as anonymous:
        wait_for("readiness", lambda: anonymous.get("/readyz").status_code == 200, 10)
    while time.monotonic() - again < 240:
        if [company.api.get("/v1/senders").status_code for _ in range(10)] == [200] * 10:
            break
    assert company.api.get("/v1/senders").status_code == 200
    assert add_leads(company, campaign, addresses(2))["counts"]["added"] == 2


def test_no_secret_is_in_any_log(engine: Engine) -> None:
    organization = engine.new_organization()
    company = organization.connected_company()
    wrong_key, unknown, path_token = (
        "canary-key-1a2b3c",
        engine.vault.new_token("company"),
        f"canary{secrets.token_hex(8)}",
    )
    bare = organization.new_company("Bare")
    entitlement = f"/partner/v1/companies/{bare.id}/entitlements/email_outreach"
    organization.api.put(entitlement, json={"provider": "smartlead"}).raise_for_status()
    body = {"company_id": bare.id, "provider": "smartlead", "credential": {"api_key": wrong_key}}
    problem(organization.api.post("/partner/v1/connections", json=body), 422)
    with engine.client() as anonymous:
        problem(anonymous.get("/v1/campaigns", headers={"Authorization": f"Bearer {unknown}"}), 401)
        problem(anonymous.post(f"/hooks/{path_token}", content=b"{}"), 404)
        problem(anonymous.get(f"/hooks/{path_token}"), 405)
        anonymous.get(f"/hooks%2F{path_token}")
        anonymous.get(f"/v1/campaigns?token={company.token}")
        anonymous.get(f"/v1/{company.token}")
    with engine.control as control:
        hooks = [hook["webhook_url"] for row in control.get("/campaigns").json() for hook in row["webhooks"]]
    tokens = [hook.rpartition("/")[2] for hook in hooks]
    canaries = [wrong_key, unknown, path_token, company.token, organization.token, engine.api_key, *tokens]
    logs = {path: path.read_text(errors="replace") for path in (engine.home / "logs").rglob("*") if path.is_file()}
    assert any("/hooks/" in text for text in logs.values())
    for path, text in logs.items():
        if path.name.startswith("smartlead"):
            continue
        found = [canary[:6] for canary in canaries if canary in text]
        assert found == [], path
