"""No caller can tell another tenant's id from a random one: every address with an id, every method, every stranger."""

import re
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from api.access.permissions import PUBLIC, ROUTES
from tests import bodies
from tests.api.answers import REQUEST_ID, likeness, problem, random_id
from tests.bodies import make_missing, taking_bodies
from tests.engine import Company, Engine, Organization, add_leads, addresses, draft

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
Request = dict[str, Any]


@dataclass
class Stage:
    """A tenant with one of everything, and three strangers."""

    org: Organization
    a: Company
    b: Company
    other_org: Organization
    c: Company
    ids: dict[str, str]
    b_campaign: str
    b_sender: str

    @property
    def strangers(self) -> dict[str, httpx.Client]:
        """Who must not see A."""
        return {"company B": self.b.api, "other company": self.c.api, "other organization": self.other_org.api}


def people(company: Company, prefix: str) -> dict[str, str]:
    """Invite a person and make a token for a tier's addresses: what one tier takes away the other must still find."""
    email = addresses(1)[0]
    company.api.post("/v1/users", json={"email": email, "name": "Ann"}).raise_for_status()
    user = next(row for row in company.api.get("/v1/users").json()["data"] if row["email"] == email)
    token = company.api.post("/v1/api-tokens", json={"name": "More"}).raise_for_status().json()
    return {f"{prefix}user_id": user["id"], f"{prefix}token_id": token["id"]}


@pytest.fixture(scope="module")
def stage(engine: Engine) -> Stage:
    org, other_org = engine.new_organization(), engine.new_organization()
    a, b = org.new_company("A"), org.connected_company("B")
    connection = org.connect(a)
    campaign = draft(a)
    lead = add_leads(a, campaign, addresses(1))["results"][0]["lead_id"]
    suppression = a.api.post("/v1/suppressions", json={"email": addresses(1)[0]}).raise_for_status().json()
    a.api.post(f"/v1/campaigns/{draft(a, leads=1)}/start").raise_for_status()
    a.api.post("/v1/suppressions", json={"domain": "stays.example.com"}).raise_for_status()
    of_all = org.api.post("/partner/v1/suppressions", json={"email": addresses(1)[0]}).raise_for_status().json()
    event = a.api.get("/v1/events").json()["data"][0]["id"]
    bound = draft(a)
    org.api.put(f"/partner/v1/campaigns/{bound}/binding", json={"external_id": f"made-{bound}"}).raise_for_status()
    ids = {
        "conversation_id": engine.new_conversation(a.id, campaign, lead), "/partnercampaign_id": bound,
        "event_id": event, "campaign_id": campaign, "lead_id": lead, "suppression_id": suppression["id"],
        "/partnersuppression_id": of_all["id"],
        "company_id": a.id, **people(a, ""), **people(a, "/partner"),
        "sender_id": a.api.get("/v1/senders").json()["data"][0]["id"], "connection_id": connection,
        "/partnersender_id": org.api.get("/partner/v1/senders", params={"company_id": a.id}).json()["data"][0]["id"],
    }  # fmt: skip
    make_missing(a.api, ids, lambda name: {**ids, "email": addresses(1)[0], "mark": "Made"}[name])
    b_sender = b.api.get("/v1/senders").json()["data"][0]["id"]
    return Stage(org, a, b, other_org, other_org.connected_company("C"), ids, draft(b), b_sender)


def request_for(stage: Stage, method: str, path: str) -> Request:
    """Return what a request that would succeed for the owner sends: what the subject declares."""
    prefix = "/partner" if path.startswith("/partner") else ""
    own = {"email": addresses(1)[0], "mark": f"made-{stage.ids['/partnercampaign_id']}", "api_key": stage.a.api_key}
    known = {**stage.ids, **{name.removeprefix(prefix): value for name, value in stage.ids.items() if prefix}, **own}
    return bodies.request_for(method, path, known.__getitem__)


BROKEN = {"content": b"{", "headers": {"Content-Type": "application/json"}}
# In this order everything can be done once; whatever is not here comes first.
LAST = {"start": 1, "pause": 2, "archive": 3, "disconnect": 4, "unsubscribe": 5}
DRAFTS_ALONE = ("DELETE", "/v1/campaigns/{campaign_id}")
THE_END = ("DELETE", "/partner/v1/companies/{company_id}")
PLACEHOLDER = re.compile(r"{(\w+)}")


def documents(stage: Stage, engine: Engine) -> dict[str, dict[str, Any]]:
    """Return every path of both documents with its operations."""
    with engine.client() as anonymous:
        company = anonymous.get("/openapi.json").raise_for_status().json()
    partner = stage.org.api.get("/partner/openapi.json").raise_for_status().json()
    assert set(company["paths"]) <= set(partner["paths"])
    return {**company["paths"], **partner["paths"]}


def filled(path: str, ids: dict[str, str]) -> str:
    """Return the path with its placeholders filled; a new kind of id must be given a real value above."""
    prefix = "/partner" if path.startswith("/partner") else ""
    known = {**ids, "capability": "linkedin_outreach"}
    return PLACEHOLDER.sub(lambda match: known.get(prefix + match[1]) or known[match[1]], path)


def with_random_ids(path: str, ids: dict[str, str]) -> str:
    return filled(path, {name: random_id() for name in ids})


def is_documented(path: str) -> bool:
    return path.startswith(("/v1/", "/partner/"))


def operations(paths: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the documented operations on an id, in an order in which the owner's succeed."""
    found = [(method.upper(), path) for path, methods in paths.items() if "{" in path for method in methods]
    order = {operation: LAST.get(operation[1].rpartition("/")[2], 0) for operation in found}
    return sorted(found, key=lambda operation: (operation == THE_END, operation[0] == "DELETE", order[operation]))


def ask(client: httpx.Client, method: str, path: str, request: Request) -> httpx.Response:
    headers = {"X-Request-Id": REQUEST_ID, **request.get("headers", {})}
    return client.request(method, path, **{**request, "headers": headers})


def test_every_method_on_every_id_of_ours_answers_a_stranger_as_a_random_id_does(stage: Stage, engine: Engine) -> None:
    paths = documents(stage, engine)
    leaks: list[str] = []
    requests = 0
    for path in (path for path in paths if "{" in path):
        for method in METHODS:
            request = request_for(stage, method, path)
            for who, client in stage.strangers.items():
                ours = ask(client, method, filled(path, stage.ids), request)
                random = ask(client, method, with_random_ids(path, stage.ids), request)
                expected = 404 if method.lower() in paths[path] or path.startswith("/partner") else 405
                requests += 1
                if likeness(ours) != likeness(random) or ours.status_code not in (expected, 405):
                    leaks.append(f"{who}: {method} {path}: {likeness(ours)} not {likeness(random)}")
                if method.lower() in paths[path] and ours.status_code != 404:
                    leaks.append(f"{who}: {method} {path}: {ours.status_code}")
    assert leaks == []
    assert requests > 300


def test_an_operation_that_takes_a_body_is_tried_with_one(stage: Stage, engine: Engine) -> None:
    paths = documents(stage, engine)
    taking = {
        (method.upper(), path)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if "{" in path and "requestBody" in operation
    }
    assert taking == {key for key in taking_bodies() if "{" in key[1] and is_documented(key[1])}


LISTS = ("campaigns", "leads", "senders", "suppressions", "users", "api-tokens")


def references(stage: Stage, ids: dict[str, str]) -> dict[str, tuple[httpx.Client, str, str, Request]]:
    """Return the writes and reads of strangers that name another tenant's ids elsewhere than in the path."""
    b, c, other = stage.b.api, stage.c.api, stage.other_org.api
    senders = f"/v1/campaigns/{stage.b_campaign}/senders"
    campaign = {"name": "Mine", "capability": "email_outreach", "company_id": ids["company_id"]}
    suppression = {"email": "someone@example.com", "company_id": ids["company_id"]}
    connection = {"company_id": ids["company_id"], "provider": "smartlead", "credential": {"api_key": "a-wrong-key"}}
    person = {"email": "somebody@example.com", "name": "Ann", "company_id": ids["company_id"]}
    requests: dict[str, tuple[httpx.Client, str, str, Request]] = {
        "sender": (b, "PUT", senders, {"json": {"sender_ids": [ids["sender_id"]]}}),
        "own and other sender": (b, "PUT", senders, {"json": {"sender_ids": [stage.b_sender, ids["sender_id"]]}}),
        "token": (other, "POST", "/partner/v1/api-tokens", {"json": {"company_id": ids["company_id"]}}),
        "connection": (other, "POST", "/partner/v1/connections", {"json": connection}),
        "capabilities": (other, "GET", "/v1/capabilities", {"params": {"company_id": ids["company_id"]}}),
        "partner's user": (other, "POST", "/partner/v1/users", {"json": {**person, "role": "company_member"}}),
        "token of a user": (other, "POST", "/partner/v1/api-tokens", {"json": {"user_id": ids["user_id"]}}),
    }
    for name in ("connections", "users", "api-tokens", "audit-log"):
        path = f"/partner/v1/{name}"
        requests[f"partner's {name}"] = (other, "GET", path, {"params": {"company_id": ids["company_id"]}})
    for who, client in stage.strangers.items():
        requests[f"campaign, {who}"] = (client, "POST", "/v1/campaigns", {"json": campaign})
        requests[f"suppression, {who}"] = (client, "POST", "/v1/suppressions", {"json": suppression})
        requests[f"person, {who}"] = (client, "POST", "/v1/users", {"json": person})
        requests[f"token, {who}"] = (client, "POST", "/v1/api-tokens", {"json": {"company_id": ids["company_id"]}})
        filters = {"company_id": ids["company_id"]}
        requests[f"company, {who}"] = (client, "PATCH", "/v1/company", {"params": filters, "json": {"name": "Mine"}})
        for name in (*LISTS, "events", "capabilities", "audit-log", "company"):
            requests[f"{name} of a company, {who}"] = (client, "GET", f"/v1/{name}", {"params": filters})
    for client, who in ((b, "B"), (c, "C")):
        for name in ("campaign_id", "lead_id"):
            requests[f"events of {name}, {who}"] = (client, "GET", "/v1/events", {"params": {name: ids[name]}})
        requests[f"token of a user, {who}"] = (client, "POST", "/v1/api-tokens", {"json": {"user_id": ids["user_id"]}})
        requests[f"log of a user, {who}"] = (client, "GET", "/v1/audit-log", {"params": {"user_id": ids["user_id"]}})
    return requests


def test_naming_another_tenants_id_in_a_body_or_filter_is_refused_like_a_random_id(stage: Stage) -> None:
    ours = references(stage, stage.ids)
    random = references(stage, {name: random_id() for name in stage.ids})
    for name, (client, method, path, request) in ours.items():
        answer = ask(client, method, path, request)
        assert likeness(answer) == likeness(ask(client, method, path, random[name][3])), name
        if path == "/v1/company":
            problem(answer, 404, "not_found")
        elif method != "GET":
            problem(answer, 422, "unknown_reference")
        elif answer.is_success:
            assert answer.json() == {"data": [], "next_cursor": None}, name


def test_the_owner_may_name_the_ids_that_strangers_may_not(stage: Stage) -> None:
    filters = {"company_id": stage.ids["company_id"]}
    for name in (*LISTS, "capabilities", "audit-log"):
        for client in (stage.a.api, stage.org.api):
            assert client.get(f"/v1/{name}", params=filters).raise_for_status().json()["data"], name
    senders = {"sender_ids": [stage.b_sender]}
    assert stage.b.api.put(f"/v1/campaigns/{stage.b_campaign}/senders", json=senders).json() == senders


def test_no_list_of_a_stranger_holds_anything_of_ours(stage: Stage) -> None:
    for name in (*LISTS, "events", "audit-log"):
        ours = {row["id"] for row in stage.a.api.get(f"/v1/{name}").json()["data"]}
        for who, client in stage.strangers.items():
            if name == "events" and who == "other organization":
                continue
            theirs = client.get(f"/v1/{name}").raise_for_status().json()["data"]
            assert not ours & {row["id"] for row in theirs}, (name, who)
            assert stage.a.id not in str(theirs)
    assert stage.a.id not in stage.other_org.api.get("/partner/v1/companies").text
    assert stage.ids["connection_id"] not in stage.other_org.api.get("/partner/v1/connections").text


def partner_answers(stage: Stage, engine: Engine, *, documented: bool) -> list[str]:
    """Return where a company's token can tell a partner's address from one that does not exist."""
    paths = {"/partner/openapi.json": {"get": {}}, **documents(stage, engine)}
    differences = []
    for path in (path for path in paths if path.startswith("/partner")):
        for method in METHODS:
            if (method.lower() in paths[path]) is not documented:
                continue
            unknown = likeness(ask(stage.a.api, method, "/partner/v1/nothing-here", {}))
            for request in ({}, {"json": {"provider": "x"}}, BROKEN):
                answer = ask(stage.a.api, method, filled(path, stage.ids), request)
                if likeness(answer) != unknown:
                    differences.append(f"{method} {path} {request}: {answer.status_code}")
    return differences


def test_to_a_company_the_partners_addresses_do_not_exist(stage: Stage, engine: Engine) -> None:
    assert ask(stage.a.api, "GET", "/partner/v1/nothing-here", {}).status_code == 404
    assert partner_answers(stage, engine, documented=True) == []


def test_to_a_company_the_partners_addresses_do_not_exist_by_any_other_method(stage: Stage, engine: Engine) -> None:
    assert partner_answers(stage, engine, documented=False) == []


def bad_credentials(stage: Stage, revoked: str) -> dict[str, str | None]:
    good, keys = stage.a.token, stage.org.engine.vault
    swapped = "obx_org_" + good.removeprefix("obx_co_")
    return {
        "none": None, "empty": "", "scheme only": "Bearer", "basic": f"Basic {good}", "no scheme": good,
        "unknown": f"Bearer {keys.new_token('company')}", "unknown org": f"Bearer {keys.new_token('org')}",
        "typo": f"Bearer {good[:-1]}{'A' if good[-1] != 'A' else 'B'}", "cut": f"Bearer {good[:-1]}",
        "longer": f"Bearer {good}x", "other tier": f"Bearer {swapped}", "revoked": f"Bearer {revoked}",
        "nonsense": "Bearer obx_co_", "high bytes": "Bearer obx_co_\xe9\xe9", "two": f"Bearer {good} {good}",
    }  # fmt: skip


def test_a_credential_that_is_not_valid_is_a_401_everywhere(stage: Stage, engine: Engine) -> None:
    company = stage.org.new_company("Revoked")
    with engine.sql() as sql:
        sql.execute("update outbound.api_tokens set revoked_at = now() where company_id = %s", [company.id])
    paths = documents(stage, engine)
    with engine.client() as anonymous:
        for name, value in bad_credentials(stage, company.token).items():
            headers = {} if value is None else {"Authorization": value.encode("latin-1")}
            for path in ("/v1/campaigns", f"/v1/campaigns/{stage.ids['campaign_id']}", "/partner/v1/companies"):
                answer = anonymous.get(path, headers=headers)
                if path.startswith("/partner") and name == "revoked":
                    problem(answer, 404, "not_found")
                    continue
                if path.startswith("/partner") and name == "unknown":
                    continue
                assert answer.status_code == 401, (name, path, answer.text)
                problem(answer, 401, "unauthorized")
        for path, methods in paths.items():
            for method in (method for method in methods if ROUTES[(method.upper(), path)] != PUBLIC):
                problem(anonymous.request(method, filled(path, stage.ids)), 401, "unauthorized")


def test_only_what_opens_a_session_asks_for_no_credential(stage: Stage, engine: Engine) -> None:
    paths = documents(stage, engine)
    public = {path for path, methods in paths.items() for method in methods if "security" not in methods[method]}
    assert public == {"/v1/auth/login", "/v1/auth/refresh", "/v1/auth/password"}
    assert public == {path for _, path in ROUTES if is_documented(path) and ROUTES.get(("POST", path)) == PUBLIC}


def test_the_owner_succeeds_where_the_strangers_found_nothing(stage: Stage, engine: Engine) -> None:
    """The last of the stage: at its end the company is deleted."""
    done = []
    for method, path in operations(documents(stage, engine)):
        owner = stage.org.api if path.startswith("/partner") else stage.a.api
        ids = stage.ids
        if (method, path) == DRAFTS_ALONE:
            made = stage.a.api.post("/v1/campaigns", json={"name": "A draft", "capability": "email_outreach"})
            ids = {**ids, "campaign_id": made.raise_for_status().json()["id"]}
        answer = ask(owner, method, filled(path, ids), request_for(stage, method, path))
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        done.append((method, path))
    assert set(done) == {operation for operation in ROUTES if "{" in operation[1] and is_documented(operation[1])}


def test_a_token_dies_with_its_company_and_its_organization(engine: Engine) -> None:
    org = engine.new_organization()
    first, second = org.new_company(), org.new_company()
    with engine.sql() as sql:
        sql.execute("update outbound.companies set deleted_at = now() where id = %s", [first.id])
        problem(first.api.get("/v1/campaigns"), 401, "unauthorized")
        second.api.get("/v1/campaigns").raise_for_status()
        sql.execute("update outbound.organizations set status = 'suspended' where id = %s", [org.id])
    problem(second.api.get("/v1/campaigns"), 401, "unauthorized")
    problem(org.api.get("/partner/v1/companies"), 401, "unauthorized")
