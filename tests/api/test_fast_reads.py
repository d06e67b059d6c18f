"""The short way for reads answers as the framework's whole way does, byte for byte, for any request."""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from api.app import Application, RequestLog, create_app
from api.dev.home import Home, State
from api.http.error_answers import UnhandledErrors
from api.http.fast_reads import FastReads
from api.http.intake import Intake
from tests.engine import Company, Engine, Organization, add_leads, addresses, draft

QUERIES = (
    "", "?", "?limit=2", "?limit=0", "?limit=201", "?limit=two", "?cursor=!!", "?cursor=bm90", "?limit=1&limit=2",
    "?unknown=1", "?company_id=7", f"?company_id={uuid4()}", "?status=", "?status=active", "?status=Active",
    "?email=%00", "?email=a@b.example&domain=b.example", "?type=message.sent", "?type=x", "?campaign_id=x",
    "?after_sequence=-1", "?after_sequence=1", "?kind=person", "?action=create_campaign", "?user_id=1",
    "?push_state=pending", "?COMPANY_ID=1", "?limit=%31", "?limit=", "?cursor=" + "a" * 201,
)  # fmt: skip
VARYING = {"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "etag", "content-length"}
USED = re.compile(r'"(?:last_used_at|updated_at)" : (?:null|"[^"]+")')


@dataclass
class Both:
    """One application twice: as it is served, and with the framework's way only."""

    fast: FastAPI
    whole: FastAPI
    org: Organization
    company: Company
    campaign: str
    lead: str


def whole_way(app: FastAPI) -> FastAPI:
    """Take the short way out."""
    inner = super(Application, app).build_middleware_stack()
    app.middleware_stack = RequestLog(UnhandledErrors(Intake(inner)))
    return app


@pytest.fixture(scope="module")
def both(engine: Engine) -> Iterator[Both]:
    org = engine.new_organization()
    company = org.connected_company()
    campaign = draft(company)
    add_leads(company, campaign, addresses(5))
    lead = company.api.get("/v1/leads").json()["data"][0]["id"]
    state = State(**json.loads((engine.home / "state.json").read_text()))
    settings = Home(engine.home, state).settings().model_copy(update={"metrics_port": 0})
    yield Both(create_app(settings), whole_way(create_app(settings)), org, company, campaign, lead)


def requests(both: Both) -> list[tuple[str, str | None]]:
    """Every address that goes the short way: every question about ids of ours, a few about others', and no way in."""
    calls: list[tuple[str, str | None]] = []
    known = {"campaign_id": both.campaign, "lead_id": both.lead, "company_id": both.company.id}
    for path in FastReads(both.fast, both.fast.router.routes, {}).paths():
        url = filled(path, known)
        calls += [(url + query, both.company.token) for query in QUERIES]
        calls += [(url + query, both.org.token) for query in QUERIES[:6]]
        calls += [(url, token) for token in (None, "obx_co_nonsense", "a.b.c")]
        for ids in (dict.fromkeys(known, str(uuid4())), dict.fromkeys(known, "nonsense")):
            calls += [(filled(path, ids) + query, both.org.token) for query in ("", "?limit=0")]
    return calls


def filled(path: str, ids: dict[str, str]) -> str:
    """Put ids into an address; one that we have none for is of no row."""
    for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
        path = path.replace(f"{{{name}}}", ids.get(name, str(uuid4())))
    return path


async def ask(app: FastAPI, calls: list[tuple[str, str | None]]) -> list[tuple[str, int, str, dict[str, str]]]:
    """Ask an application everything, and return what it said, without what differs from time to time."""
    answers: list[tuple[str, int, str, dict[str, str]]] = []
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://engine") as client:
            for url, token in calls:
                headers = {"X-Request-Id": "same", **({"Authorization": f"Bearer {token}"} if token else {})}
                answer = await client.get(url, headers=headers)
                kept_headers = {name: value for name, value in answer.headers.items() if name not in VARYING}
                text = USED.sub("", answer.text)  # when a token was last used is written down now and then
                answers.append((url, answer.status_code, text, kept_headers))
    return answers


def test_both_ways_answer_alike(both: Both) -> None:
    calls = requests(both)
    fast, whole = asyncio.run(ask(both.fast, calls)), asyncio.run(ask(both.whole, calls))
    for quick, slow in zip(fast, whole, strict=True):
        assert quick == slow
    assert len({status for _, status, _, _ in fast}) >= 4, "the questions were too tame"


def test_every_read_of_one_round_trip_goes_the_short_way(both: Both) -> None:
    short = set(FastReads(both.fast, both.fast.router.routes, {}).paths())
    assert {"/v1/leads", "/v1/leads/{lead_id}", "/v1/campaigns", "/v1/events", "/partner/v1/companies"} <= short
    assert len(short) >= 20
