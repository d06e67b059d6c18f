"""Whatever is wrong with a request is said plainly, with a pointer and a code, and never with the input itself."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.api.answers import faults, pointers, problem, random_id
from tests.engine import STEPS, Company, Engine, Organization, draft, start

SECRET = "s3cret-value-that-must-not-come-back"
LONG = "x" * 200_001


@dataclass
class Stage:
    """A partner, a company that can send, one that cannot, and a draft."""

    engine: Engine
    org: Organization
    company: Company
    bare: Company
    campaign: str

    def connection(self, **changes: Any) -> dict[str, Any]:
        """Return the body of a connection for the company that has none."""
        body = {"company_id": self.bare.id, "provider": "smartlead", "credential": {"api_key": self.engine.api_key}}
        return {**body, **changes}

    def entitle(self, provider: str = "smartlead") -> httpx.Response:
        path = f"/partner/v1/companies/{self.bare.id}/entitlements/email_outreach"
        return self.org.api.put(path, json={"provider": provider})


@pytest.fixture(scope="module")
def stage(engine: Engine) -> Stage:
    org = engine.new_organization()
    company = org.connected_company()
    return Stage(engine, org, company, org.new_company("Bare"), draft(company))


@dataclass(frozen=True)
class Case:
    """One request and what is wrong with it. `org` is sent with the partner's token."""

    method: str
    path: str
    body: Any
    status: int
    code: str
    errors: tuple[tuple[str, str], ...] | None = None
    org: bool = False


def campaign(**changes: Any) -> dict[str, Any]:
    return {"name": "Name", "capability": "email_outreach", **changes}


def step(**changes: Any) -> dict[str, Any]:
    return {"steps": [{**STEPS[0], **changes}]}


def schedule(**changes: Any) -> dict[str, Any]:
    return campaign(schedule=changes)


NEW, SEQUENCE, SENDERS = "/v1/campaigns", "/v1/campaigns/{campaign}/sequence", "/v1/campaigns/{campaign}/senders"
CHANGE, COMPANIES = "/v1/campaigns/{campaign}", "/partner/v1/companies"
ENTITLEMENTS = "/partner/v1/companies/{bare}/entitlements"
NUL, SURROGATE = f"{SECRET}\0", f"{SECRET}\ud800"
INVALID = "invalid_request"
EXTRA = "extra_forbidden"


def invalid(method: str, path: str, body: Any, *errors: tuple[str, str], org: bool = False) -> Case:
    """Return the case of a body that the schema refuses."""
    return Case(method, path, body, 422, INVALID, errors or None, org)


CASES = [
    invalid("POST", NEW, campaign(colour=SECRET), ("/colour", EXTRA)),
    invalid("POST", NEW, campaign(org_id=random_id()), ("/org_id", EXTRA)),
    invalid("POST", NEW, campaign(status="active"), ("/status", EXTRA)),
    invalid("POST", NEW, schedule(org_id=SECRET), ("/schedule/org_id", EXTRA)),
    invalid("PATCH", CHANGE, {"org_id": random_id()}, ("/org_id", EXTRA)),
    invalid("PATCH", CHANGE, {"status": "active"}, ("/status", EXTRA)),
    invalid("PATCH", CHANGE, {"company_id": random_id()}, ("/company_id", EXTRA)),
    invalid("PUT", SEQUENCE, step(org_id=SECRET), ("/steps/0/org_id", EXTRA)),
    invalid("PUT", SENDERS, {"sender_ids": [random_id()], "org_id": SECRET}, ("/org_id", EXTRA)),
    invalid("POST", COMPANIES, {"name": "A", "org_id": random_id()}, ("/org_id", EXTRA), org=True),
    invalid("POST", "/partner/v1/api-tokens", {"company_id": random_id(), "tier": "org"}, ("/tier", EXTRA), org=True),
    invalid("POST", NEW, campaign(name=NUL), ("/name", "nul_character")),
    invalid("PATCH", CHANGE, {"name": NUL}, ("/name", "nul_character")),
    invalid("PUT", SEQUENCE, step(subject=NUL), ("/steps/0/subject", "nul_character")),
    invalid("PUT", SEQUENCE, step(body=NUL), ("/steps/0/body", "nul_character")),
    invalid("POST", COMPANIES, {"name": NUL}, ("/name", "nul_character"), org=True),
    invalid("POST", NEW, campaign(capability=NUL)),
    invalid("POST", NEW, schedule(timezone=NUL)),
    invalid("POST", NEW, campaign(name=SURROGATE)),
    invalid("PUT", SEQUENCE, step(subject=SURROGATE)),
    invalid("PUT", SEQUENCE, step(body=SURROGATE)),
    invalid("POST", COMPANIES, {"name": SURROGATE}, org=True),
    invalid("POST", NEW, campaign(name=7), ("/name", "string_type")),
    invalid("POST", NEW, campaign(name=None), ("/name", "string_type")),
    invalid("POST", NEW, campaign(name=[SECRET]), ("/name", "string_type")),
    invalid("POST", NEW, campaign(company_id=SECRET)),
    invalid("POST", NEW, campaign(name="   ")),
    invalid("POST", NEW, campaign(name="x" * 201)),
    invalid("POST", NEW, campaign(capability="carrier_pigeon")),
    invalid("POST", NEW, {"capability": "email_outreach"}, ("/name", "missing")),
    invalid("POST", NEW, {}, ("/name", "missing"), ("/capability", "missing")),
    invalid("POST", NEW, [campaign()]),
    invalid("POST", NEW, SECRET),
    invalid("POST", NEW, None),
    invalid("POST", NEW, schedule(timezone=SECRET), ("/schedule/timezone", "unknown_timezone")),
    invalid("POST", NEW, schedule(timezone="../../etc/passwd"), ("/schedule/timezone", "unknown_timezone")),
    invalid("POST", NEW, schedule(timezone="x" * 100_000), ("/schedule/timezone", "unknown_timezone")),
    invalid("POST", NEW, schedule(start="17:00", end="09:00"), ("/schedule", "empty_window")),
    invalid("POST", NEW, schedule(start="09:00", end="09:00"), ("/schedule", "empty_window")),
    invalid("POST", NEW, schedule(start="24:00")),
    invalid("POST", NEW, schedule(start="9:00")),
    invalid("POST", NEW, schedule(start="09:00\n")),
    invalid("POST", NEW, schedule(start="٠٩:٠٠")),
    invalid("POST", NEW, schedule(start=9)),
    invalid("POST", NEW, schedule(days=[])),
    invalid("POST", NEW, schedule(days=[0]), ("/schedule/days/0", "greater_than_equal")),
    invalid("POST", NEW, schedule(days=[8])),
    invalid("POST", NEW, schedule(days=[1] * 8)),
    invalid("POST", NEW, schedule(days="12345")),
    invalid("POST", NEW, schedule(minutes_between_sends=0)),
    invalid("POST", NEW, schedule(minutes_between_sends=10**40)),
    invalid("POST", NEW, schedule(max_new_leads_per_day=0)),
    invalid("POST", NEW, schedule(max_new_leads_per_day=1.5)),
    invalid("PATCH", CHANGE, {"name": ""}),
    invalid("PUT", SEQUENCE, {"steps": []}),
    invalid("PUT", SEQUENCE, {"steps": [STEPS[0]] * 51}),
    invalid("PUT", SEQUENCE, {}, ("/steps", "missing")),
    invalid("PUT", SEQUENCE, {"steps": {"0": STEPS[0]}}),
    invalid("PUT", SEQUENCE, step(subject="{{nickname}}"), ("/steps/0/subject", "unknown_variable")),
    invalid("PUT", SEQUENCE, step(body="{{ custom. }}"), ("/steps/0/body", "unknown_variable")),
    invalid("PUT", SEQUENCE, step(body="{{custom.a b}}"), ("/steps/0/body", "unknown_variable")),
    invalid("PUT", SEQUENCE, step(body="{{custom.1a}}"), ("/steps/0/body", "unknown_variable")),
    invalid("PUT", SEQUENCE, step(body="{{First_Name}}"), ("/steps/0/body", "unknown_variable")),
    invalid("PUT", SEQUENCE, step(body="Hi {{first_name"), ("/steps/0/body", "unknown_variable")),
    invalid("PUT", SEQUENCE, step(subject="Hi {{"), ("/steps/0/subject", "unknown_variable")),
    invalid("PUT", SEQUENCE, step(body="Hi first_name}}"), ("/steps/0/body", "unknown_variable")),
    invalid("PUT", SEQUENCE, step(body="{{{first_name}}}")),
    invalid("PUT", SEQUENCE, step(subject="x" * 501)),
    invalid("PUT", SEQUENCE, step(body="x" * 100_001)),
    invalid("PUT", SEQUENCE, step(body="")),
    invalid("PUT", SEQUENCE, step(body="  \n ")),
    invalid("PUT", SEQUENCE, step(subject=""), ("", "first_subject_missing")),
    invalid("PUT", SEQUENCE, step(subject="   "), ("", "first_subject_missing")),
    invalid("PUT", SEQUENCE, step(delay_days=-1)),
    invalid("PUT", SEQUENCE, step(delay_days=366)),
    invalid("PUT", SEQUENCE, step(type="fax")),
    invalid("PUT", SENDERS, {"sender_ids": []}),
    invalid("PUT", SENDERS, {"sender_ids": [SECRET]}),
    invalid("PUT", SENDERS, {"sender_ids": [random_id()] * 1001}),
    invalid("PUT", SENDERS, {"sender_ids": random_id()}),
    Case("PUT", SENDERS, {"sender_ids": [random_id()]}, 422, "unknown_reference"),
    Case("POST", NEW, campaign(company_id=random_id()), 422, "unknown_reference"),
    Case("POST", NEW, campaign(), 422, "company_id_required", (("/company_id", "missing"),), org=True),
    Case("POST", NEW, campaign(company_id=random_id()), 422, "unknown_reference", org=True),
    Case("POST", "/partner/v1/api-tokens", {"company_id": random_id()}, 422, "unknown_reference", org=True),
    Case("PUT", "/v1/campaigns/{foreign}/sequence", {"steps": STEPS}, 404, "not_found"),
    Case("PUT", "/v1/campaigns/not-a-uuid/sequence", {"steps": []}, 404, "not_found"),
    Case("GET", "/v1/campaigns/not-a-uuid", ..., 404, "not_found"),
    Case("GET", "/v1/campaigns/{campaign}x", ..., 404, "not_found"),
    Case("GET", "/v1/leads/%00", ..., 404, "not_found"),
    Case("GET", "/v1/leads/%ff", ..., 404, "not_found"),
    Case("GET", "/v1/campaigns/", ..., 404, "not_found"),
    Case("GET", "/partner/v1/companies/1", ..., 404, "not_found", org=True),
    Case("DELETE", "/v1/suppressions/{foreign}", ..., 404, "not_found"),
    Case("GET", "/v1/nothing", ..., 404, "not_found"),
    Case("PUT", "/v1/campaigns", {}, 405, "method_not_allowed"),
    Case("PUT", ENTITLEMENTS + "/%00", {"provider": "smartlead"}, 422, "invalid_text", org=True),
    Case("PUT", ENTITLEMENTS + "/fax", {"provider": "smartlead"}, 404, "not_found", org=True),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[f"{n} {case.method} {case.path}" for n, case in enumerate(CASES)])
def test_a_request_that_cannot_be_accepted_gets_the_reason(case: Case, stage: Stage) -> None:
    client = stage.org.api if case.org else stage.company.api
    path = case.path.format(campaign=stage.campaign, foreign=random_id(), bare=stage.bare.id)
    headers = {"Content-Type": "application/json"}
    content = None if case.body is ... else json.dumps(case.body)
    answer = client.request(case.method, path, content=content, headers=headers)
    document = problem(answer, case.status, case.code)
    assert SECRET not in answer.text
    assert len(answer.text) < 20_000
    if case.errors is not None:
        assert pointers(document) == list(case.errors)
    elif case.code == INVALID:
        assert pointers(document) != []


QUERIES = {
    "/v1/campaigns": [
        "limit=0", "limit=201", "limit=abc", "limit=-1", "limit=", "limit=1e1", "cursor=x", "cursor=", "cursor=%00",
        "cursor=bm90LWEtdXVpZA", "cursor=" + "A" * 201, "cursor=" + "A" * 200, "status=sleeping", "company_id=x",
        "cursor=%C3%A9", "cursor=4pi6", "status=draft%00", "status=draft%0A",
    ],
    "/v1/events": [
        "cursor=x", "cursor=LTE", "cursor=MS41", "type=sent", "type=%00", "after_sequence=-1", "after_sequence=x",
        "campaign_id=x", "lead_id=%00", "cursor=" + "A" * 200, "type=a.b%0A",
    ],
    "/v1/leads": ["email=%00", "email=" + "a" * 321, "limit=0", "cursor=x"],
    "/v1/senders": ["status=x", "limit=201", "cursor=x"],
    "/v1/suppressions": ["limit=0", "cursor=x"],
    "/v1/campaigns/{campaign}/leads": ["status=A", "push_state=%00", "limit=0", "cursor=x"],
}  # fmt: skip


@pytest.mark.parametrize(("path", "query"), [(path, query) for path, queries in QUERIES.items() for query in queries])
def test_a_query_that_cannot_be_answered_gets_the_reason(path: str, query: str, stage: Stage) -> None:
    answer = stage.company.api.get(f"{path.format(campaign=stage.campaign)}?{query}")
    document = problem(answer, 422)
    assert [pointer for pointer, _ in pointers(document)] == [f"?{query.split('=', maxsplit=1)[0]}"]


@pytest.mark.parametrize("query", ["after_sequence=" + "9" * 30, "after_sequence=" + "9" * 400, "email=%F0%9F%A6%8A"])
def test_an_odd_query_is_an_empty_page_rather_than_an_error(query: str, stage: Stage) -> None:
    path = "/v1/leads" if query.startswith("email") else "/v1/events"
    answer = stage.company.api.get(f"{path}?{query}")
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 200:
        assert answer.json() == {"data": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("content", "content_type", "statuses"),
    [
        (b"", "application/json", {400, 422}), (b"{", "application/json", {400}),
        (b'{"name": "a",}', "application/json", {400}), (b"\xff\xfe", "application/json", {400}),
        (b"[" * 100_000, "application/json", {400}), (b'{"a":' * 100_000, "application/json", {400}),
        (b'{"name": "\xff"}', "application/json", {400, 422}), (b'{"name": NaN}', "application/json", {400, 422}),
        (b'{"name": ' + b"9" * 10_000 + b"}", "application/json", {400, 422}),
        (b"name=a&capability=email_outreach", "application/x-www-form-urlencoded", {415, 422}),
        (b'{"name": "a", "capability": "email_outreach"}', "text/plain", {415, 422}),
        (b"<name>a</name>", "application/xml", {415, 422}), (b"--x\r\n", "multipart/form-data; boundary=x", {415, 422}),
        (b"--x\r\n", "multipart/form-data", {415, 422}),
    ],
)  # fmt: skip
def test_a_body_that_is_not_json_is_refused(
    content: bytes, content_type: str, statuses: set[int], stage: Stage
) -> None:
    headers = {"Content-Type": content_type}
    answer = stage.company.api.post("/v1/campaigns", content=content, headers=headers)
    assert answer.status_code in statuses, answer.text
    problem(answer, answer.status_code)


def test_nothing_of_all_that_was_kept(stage: Stage) -> None:
    rows = stage.company.api.get("/v1/campaigns", params={"limit": 200}).json()["data"]
    assert [row["id"] for row in rows] == [stage.campaign]
    with stage.engine.sql() as sql:
        stored = sql.execute("select count(*) as n from outbound.companies where org_id = %s", [stage.org.id])
        assert stored.fetchone() == {"n": 2}


def test_an_entitlement_names_a_provider_that_does_the_work(stage: Stage) -> None:
    for provider in ("heyreach", "nobody", SECRET):
        document = problem(stage.entitle(provider), 422, "provider_unknown")
        assert pointers(document) == [("/provider", "provider_unknown")]
        assert SECRET not in str(document)


def connect(stage: Stage, **changes: Any) -> httpx.Response:
    answer = stage.org.api.post("/partner/v1/connections", json=stage.connection(**changes))
    assert SECRET not in answer.text
    return answer


def nothing_is_stored(stage: Stage) -> bool:
    with stage.engine.sql() as sql:
        query = "select count(*) as n from outbound.connections where company_id = %s"
        row = sql.execute(query, [stage.bare.id]).fetchone()
        senders = stage.bare.api.get("/v1/senders").raise_for_status().json()["data"]
    return row == {"n": 0} and senders == []


def test_a_connection_is_refused_until_everything_fits(stage: Stage) -> None:
    secret = {"api_key": SECRET}
    problem(connect(stage, credential=secret), 409, "not_entitled")
    stage.entitle().raise_for_status()
    refused = problem(connect(stage, credential=secret), 422, "credential_refused")
    assert pointers(refused) == [("/credential/api_key", "credential_refused")]
    problem(connect(stage, provider="instantly", credential=secret), 409, "provider_mismatch")
    problem(connect(stage, provider="nobody", credential=secret), 422, "unknown_reference")
    problem(connect(stage, company_id=random_id(), credential=secret), 422, "unknown_reference")
    for credential in ({}, {"api_key": None}, {"api_key": SECRET, "more": SECRET}, SECRET, {"api_key": [SECRET]}):
        problem(connect(stage, credential=credential), 422, "invalid_request")
    for key in ("", "\0", "é", "a\r\nb", "&offset=1", "x" * 50_000):
        assert problem(connect(stage, credential={"api_key": key}), 422)["code"] in (
            "invalid_request",
            "credential_refused",
        )
    assert nothing_is_stored(stage)


FAULTS: dict[str, Callable[[], dict[str, Any]]] = {
    "rate limited": lambda: {"rate_limited": {"rate": 1, "seconds": 7}},
    "broken": lambda: {"server_error": True},
    "gone silent": lambda: {"lost_response": True},
    "talking nonsense": lambda: {"malformed": True},
    "asleep": lambda: {"slow": {"rate": 1, "seconds": 12}},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_provider_that_does_not_answer_is_a_503_and_nothing_is_stored(fault: str, stage: Stage) -> None:
    stage.entitle().raise_for_status()
    with faults(stage.engine, **FAULTS[fault]()):
        answer = connect(stage)
    document = problem(answer, 503, "provider_unavailable")
    assert stage.engine.api_key not in str(document)
    assert answer.elapsed.total_seconds() < 11 + 30  # ten seconds are the product's, the rest the machine's
    if fault == "rate limited":
        assert answer.headers["retry-after"] == "7"
    assert nothing_is_stored(stage)


def test_a_company_is_connected_once_and_its_key_never_shown(engine: Engine) -> None:
    org = engine.new_organization()
    company = org.connected_company()
    body = {"company_id": company.id, "provider": "smartlead", "credential": {"api_key": SECRET}}
    again = org.api.post("/partner/v1/connections", json=body)
    problem(again, 409, "already_connected")
    for answer in (again, org.api.get("/partner/v1/connections")):
        assert SECRET not in answer.text
        assert engine.api_key not in answer.text
    path = f"/partner/v1/companies/{company.id}/entitlements/email_outreach"
    problem(org.api.put(path, json={"provider": "instantly"}), 409)


def test_a_running_campaign_takes_no_new_sequence(engine: Engine) -> None:
    company = engine.new_organization().connected_company()
    campaign_id = draft(company, leads=1)
    start(company, campaign_id)
    answer = company.api.put(f"/v1/campaigns/{campaign_id}/sequence", json={"steps": STEPS})
    problem(answer, 409, "campaign_active")


def test_a_wrong_method_says_which_ones_there_are(stage: Stage) -> None:
    for path, allowed in (("/v1/campaigns", {"GET", "POST"}), ("/v1/suppressions", {"GET", "POST"})):
        answer = stage.company.api.delete(path)
        problem(answer, 405, "method_not_allowed")
        assert {method.strip() for method in answer.headers.get("allow", "").split(",")} >= allowed


def test_a_broken_body_without_a_credential_is_a_401(stage: Stage) -> None:
    with stage.engine.client() as anonymous:
        headers = {"Content-Type": "application/json"}
        for path in ("/v1/campaigns", "/partner/v1/companies"):
            problem(anonymous.post(path, content=b"{", headers=headers), 401, "unauthorized")
