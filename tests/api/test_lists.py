"""Every list, page by page: nothing missing, nothing twice, the newest first, and each body as its model says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute
from pydantic import BaseModel

from api.api_tokens.schemas import ApiToken
from api.app import ROUTERS
from api.campaigns import schemas as campaigns
from api.campaigns.figures import CampaignStats
from api.campaigns.sequence_schemas import Sequence
from api.companies.schemas import Company as CompanyModel
from api.connections.schemas import AccountSender, Connection
from api.conversations.schemas import Conversation
from api.leads.schemas import Lead
from api.senders.schemas import Sender
from api.suppressions.schemas import Suppression
from api.users.schemas import User
from tests.bodies import BODIES, request_for
from tests.engine import Company, Engine, Organization, add_leads, addresses, draft, start, wait_for, wait_synced
from tests.jobs.provider_state import no_autoplay

ROWS = 23
LIMIT = 7
MOST = 200


@dataclass
class Stage:
    """A partner with two companies that both have many rows of everything."""

    org: Organization
    company: Company
    other: Company
    campaign: str
    emails: list[str]
    conversation: str

    def client(self, path: str) -> httpx.Client:
        return self.org.api if path.startswith("/partner") else self.company.api


@pytest.fixture(scope="module")
def quiet(engine: Engine) -> Iterator[None]:
    """Nothing happens at the provider by itself: the rows stand still between two walks."""
    with no_autoplay(engine):
        yield


@pytest.fixture(scope="module")
def stage(engine: Engine, quiet: None) -> Stage:
    org = engine.new_organization()
    company, other = org.connected_company("One"), org.connected_company("Other")
    emails = addresses(ROWS)
    campaign = draft(company)
    add_leads(company, campaign, emails)
    start(company, campaign)
    for owner in (company, other):
        for number in range(ROWS if owner is company else 3):
            body = {"name": f"Campaign {number}", "capability": "email_outreach"}
            owner.api.post("/v1/campaigns", json=body).raise_for_status()
            person = {"email": f"{number}@{owner.id}.example"}
            owner.api.post("/v1/suppressions", json=person).raise_for_status()
            owner.api.post("/v1/users", json={**person, "name": f"Person {number}"}).raise_for_status()
            owner.api.post("/v1/api-tokens", json={"name": f"Token {number}"}).raise_for_status()
        add_leads(owner, draft(owner), emails[:3])
    for _ in range(8):
        company.api.post(f"/v1/campaigns/{campaign}/pause").raise_for_status()
        company.api.post(f"/v1/campaigns/{campaign}/start").raise_for_status()
    wait_synced(company, campaign)
    leads = [row["lead_id"] for row in company.api.get(f"/v1/campaigns/{campaign}/leads").json()["data"]]
    talks = [engine.new_conversation(company.id, campaign, lead) for lead in leads[:ROWS]]
    for _ in range(ROWS):
        company.api.post(f"/v1/conversations/{talks[0]}/reply", json={"text": "Gladly"}).raise_for_status()
    thread = f"/v1/conversations/{talks[0]}/messages"

    def at_rest() -> bool:
        rows = company.api.get(thread, params={"limit": MOST}).raise_for_status().json()["data"]
        return not {row["state"] for row in rows} & {"queued", "sending"}

    wait_for("the answers' ends", at_rest, 90)
    make_rows(company, {"lead_id": leads[0], "campaign_id": campaign, "conversation_id": talks[0]})
    for number in range(ROWS):
        org.api.post("/partner/v1/suppressions", json={"domain": f"{number}.whole.example"}).raise_for_status()
    return Stage(org, company, other, campaign, emails, talks[0])


def make_rows(company: Company, known: dict[str, str]) -> None:
    """Add to every list that can be added to, until it has as many rows as a walk needs."""
    unstarted = draft(company)
    for path in (path for path in PATHS if ("POST", path) in BODIES and "{" not in path and path.startswith("/v1/")):
        for _ in range(ROWS - len(company.api.get(path, params={"limit": MOST}).json()["data"])):
            own = {"mark": "Made", "email": addresses(1)[0], "campaign_id": unstarted}
            request = request_for("POST", path, lambda name, own=own: {**known, **own}[name])
            company.api.post(path, **request).raise_for_status()
    wait_for("the imports' ends", lambda: all(each["finished_at"] for each in walk(company.api, "/v1/imports")))


def walk(client: httpx.Client, path: str, limit: int = LIMIT, **params: Any) -> list[dict[str, Any]]:
    """Return all rows of a list, page by page, having checked the pages' sizes and their end."""
    rows: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = client.get(path, params={"limit": limit, **params, **cursor})
        page = answer.raise_for_status().json()
        assert set(page) == {"data", "next_cursor"}
        rows += page["data"]
        if page["next_cursor"] is None:
            assert len(page["data"]) <= limit
            return rows
        assert len(page["data"]) == limit
        cursor = {"cursor": page["next_cursor"]}


def _lists() -> dict[str, type[BaseModel]]:
    """Return every list that has pages, and the capabilities, each with the model of its answer."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    return {
        route.path: route.response_model
        for route in routes
        if "GET" in (route.methods or ())
        and not route.path.startswith("/platform/")
        and (route.path == "/v1/capabilities" or "cursor" in {each.alias for each in get_flat_params(route.dependant)})
    }


PATHS = _lists()


def filled(path: str, stage: Stage) -> str:
    return path.format(campaign_id=stage.campaign, company_id=stage.company.id, conversation_id=stage.conversation)


def test_every_documented_list_is_walked_here(stage: Stage) -> None:
    document = stage.org.api.get("/partner/openapi.json").raise_for_status().json()
    paged = {
        path
        for path, methods in document["paths"].items()
        if any(parameter["name"] == "cursor" for parameter in methods.get("get", {}).get("parameters", []))
    }
    assert paged | {"/v1/capabilities"} == set(PATHS)


def unused(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out what using a token writes down now and then."""
    return {name: value for name, value in row.items() if name not in ("last_used_at", "updated_at")}


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/v1/capabilities"])
def test_pages_of_any_size_are_the_whole_list_in_one_order(path: str, stage: Stage) -> None:
    client, address = stage.client(path), filled(path, stage)
    whole = [unused(row) for row in walk(client, address, MOST)]
    order = [row["sequence"] for row in whole] if path == "/v1/events" else [row["id"] for row in whole]
    assert order == sorted(order, reverse=path != "/v1/events")
    for limit in (1, LIMIT, min(len(whole), MOST), min(len(whole) + 1, MOST)):
        assert [unused(row) for row in walk(client, address, limit)] == whole, limit
    assert len(whole) >= (ROWS if path.startswith("/v1") and "senders" not in path and "events" not in path else 1)


@pytest.mark.parametrize("path", PATHS)
def test_every_field_of_every_row_is_there_as_its_model_says(path: str, stage: Stage) -> None:
    params = {} if path == "/v1/capabilities" else {"limit": 200}
    answer = stage.client(path).get(filled(path, stage), params=params)
    model = PATHS[path].model_validate_json(answer.content)
    rows = answer.json()["data"]
    assert rows
    fields = type(model.data[0]).model_fields  # type: ignore[attr-defined]
    needed = {name for name, field in fields.items() if field.is_required()}
    assert all(needed <= set(row) <= set(fields) for row in rows)


def test_single_resources_are_as_their_models_say(stage: Stage) -> None:
    def first(path: str) -> str:
        return f"{path}/{stage.client(path).get(path).json()['data'][0]['id']}"

    campaign = f"/v1/campaigns/{stage.campaign}"
    singles: dict[str, type[BaseModel]] = {
        campaign: campaigns.Campaign, f"{campaign}/sequence": Sequence, first("/v1/leads"): Lead,
        f"{campaign}/senders": campaigns.CampaignSenders, f"{campaign}/stats": CampaignStats,
        first("/v1/senders"): Sender, first("/v1/suppressions"): Suppression,
        first("/partner/v1/suppressions"): Suppression,
        first("/partner/v1/companies"): CompanyModel, first("/partner/v1/connections"): Connection,
        "/v1/company": CompanyModel, first("/v1/users"): User, first("/partner/v1/users"): User,
        first("/v1/api-tokens"): ApiToken, first("/partner/v1/api-tokens"): ApiToken,
        first("/partner/v1/senders"): AccountSender, first("/v1/conversations"): Conversation,
    }  # fmt: skip
    for path, model in singles.items():
        answer = stage.client(path).get(path).raise_for_status()
        model.model_validate_json(answer.content)
        assert set(answer.json()) == set(model.model_fields), path


ADDING: dict[str, Callable[[Stage], object]] = {
    "/v1/campaigns": lambda s: s.company.api.post(
        "/v1/campaigns", json={"name": "New", "capability": "email_outreach"}
    ).raise_for_status(),
    "/v1/leads": lambda s: add_leads(s.company, s.campaign, addresses(2)),
    "/v1/campaigns/{campaign_id}/leads": lambda s: add_leads(s.company, s.campaign, addresses(2)),
    "/v1/suppressions": lambda s: s.company.api.post(
        "/v1/suppressions", json={"email": addresses(1)[0]}
    ).raise_for_status(),
    "/partner/v1/companies": lambda s: s.org.api.post("/partner/v1/companies", json={"name": "New"}).raise_for_status(),
}


@pytest.mark.parametrize("path", ADDING)
def test_rows_that_are_added_while_pages_are_read_shift_nothing(path: str, stage: Stage) -> None:
    client, address = stage.client(path), filled(path, stage)
    before = [row["id"] for row in walk(client, address, 200)]
    found: list[str] = []
    params: dict[str, Any] = {"limit": LIMIT}
    while True:
        page = client.get(address, params=params).raise_for_status().json()
        found += [row["id"] for row in page["data"]]
        ADDING[path](stage)
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert found == before


def test_a_reader_that_follows_events_misses_none(stage: Stage) -> None:
    whole = walk(stage.company.api, "/v1/events", 200)
    assert [event["sequence"] for event in whole] == list(range(1, len(whole) + 1))
    followed: list[dict[str, Any]] = []
    after = 0
    for _ in range(len(whole)):
        page = stage.company.api.get("/v1/events", params={"after_sequence": after, "limit": 5}).json()["data"]
        if not page:
            break
        followed += page
        after = page[-1]["sequence"]
    assert followed[: len(whole)] == whole
    assert walk(stage.company.api, "/v1/events", 3, after_sequence=4)[: len(whole) - 4] == whole[4:]


def test_filters_leave_exactly_what_fits(stage: Stage) -> None:
    api = stage.company.api
    for status in ("draft", "active"):
        rows = walk(api, "/v1/campaigns", status=status)
        assert rows == [row for row in walk(api, "/v1/campaigns", 200) if row["status"] == status] != []
    started = walk(api, "/v1/events", type="campaign.started")
    assert {event["type"] for event in started} == {"campaign.started"}
    assert walk(api, "/v1/events", campaign_id=stage.campaign, type="campaign.started") == started
    assert walk(api, "/v1/senders", status="active") == walk(api, "/v1/senders")
    assert walk(api, "/v1/senders", status="disconnected") == []
    one = walk(api, "/v1/leads", email=f" {stage.emails[0].upper()} ")
    assert [row["email"] for row in one] == [stage.emails[0]]
    lead_events = walk(api, "/v1/events", lead_id=one[0]["id"])
    assert {event["lead_id"] for event in lead_events} <= {one[0]["id"]}


def test_a_campaigns_people_are_filtered_by_where_they_stand(stage: Stage) -> None:
    campaign = draft(stage.company)
    emails = addresses(9)
    add_leads(stage.company, campaign, emails)
    for email in emails[:2]:
        stage.company.api.post("/v1/suppressions", json={"email": email}).raise_for_status()
    path = f"/v1/campaigns/{campaign}/leads"
    wait_for("the marks", lambda: len(walk(stage.company.api, path, push_state="suppressed")) == 2)
    every_row = walk(stage.company.api, path, 200)
    out = [row for row in every_row if row["email"] in emails[:2]]
    waiting = [row for row in every_row if row["email"] not in emails[:2]]
    assert walk(stage.company.api, path, 1, push_state="suppressed") == out
    assert walk(stage.company.api, path, 2, status="stopped") == out
    assert walk(stage.company.api, path, 2, status="queued", push_state="pending") == waiting
    assert walk(stage.company.api, path, 2, status="stopped", push_state="pending") == []


@pytest.mark.parametrize(
    "path", ["/v1/campaigns", "/v1/leads", "/v1/senders", "/v1/suppressions", "/v1/users", "/v1/api-tokens"]
)
def test_a_partner_sees_all_its_companies_or_the_one_it_names(path: str, stage: Stage) -> None:
    both = walk(stage.org.api, path)
    own = {None} if path in ("/v1/users", "/v1/api-tokens") else set()  # the partner has people and tokens itself
    assert {row["company_id"] for row in both} == {stage.company.id, stage.other.id, *own}
    for company in (stage.company, stage.other):
        named = walk(stage.org.api, path, company_id=company.id)
        assert settled(named) == settled([row for row in both if row["company_id"] == company.id])
        if path == "/v1/api-tokens":  # who made one is shown to who may see them
            people = {row["id"] for row in walk(company.api, "/v1/users")}
            named = [{**row, "made_by": row["made_by"] if row["made_by"] in people else None} for row in named]
        assert settled(named) == settled(walk(company.api, path))


def settled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows without what is written now and then: when a token was last used."""
    return [{name: row[name] for name in row if name not in ("last_used_at", "updated_at")} for row in rows]


def test_a_partner_names_the_company_whose_events_and_capabilities_it_reads(stage: Stage) -> None:
    params = {"company_id": stage.company.id}
    named = walk(stage.org.api, "/v1/events", **params)
    # More may have happened in between: what was read first is where the second list begins.
    assert named == walk(stage.company.api, "/v1/events")[: len(named)]
    assert named
    theirs = stage.org.api.get("/v1/capabilities", params=params).json()
    assert theirs == stage.company.api.get("/v1/capabilities").json()
    assert [row["status"] for row in theirs["data"]] == ["connected"]
    for path in ("/v1/events", "/v1/capabilities"):
        assert stage.org.api.get(path).status_code == 422
    connections = walk(stage.org.api, "/partner/v1/connections", **params)
    assert [row["company_id"] for row in connections] == [stage.company.id]


def test_a_cursor_of_one_list_is_no_key_to_another_tenants(stage: Stage) -> None:
    cursor = stage.company.api.get("/v1/campaigns", params={"limit": 1}).json()["next_cursor"]
    for row in walk(stage.other.api, "/v1/campaigns"):
        assert row["company_id"] == stage.other.id
    page = stage.other.api.get("/v1/campaigns", params={"cursor": cursor}).raise_for_status().json()
    assert {row["company_id"] for row in page["data"]} <= {stage.other.id}


def test_an_empty_list_is_an_empty_page(engine: Engine) -> None:
    org = engine.new_organization()
    company = org.new_company()
    for path in ("/v1/campaigns", "/v1/leads", "/v1/senders", "/v1/suppressions", "/v1/events", "/v1/capabilities"):
        assert company.api.get(path).raise_for_status().json() == {"data": [], "next_cursor": None}, path
    assert org.api.get("/partner/v1/connections").json() == {"data": [], "next_cursor": None}
