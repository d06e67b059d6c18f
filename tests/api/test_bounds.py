"""Bodies that are too large or not JSON, and what was not foreseen: each gets a problem document."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi.routing import APIRoute

from api.app import create_app
from api.dev.home import Home, State
from api.http.body import ONE_MEBIBYTE, TEN_MEBIBYTES
from tests.engine import Company, Engine

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def company(engine: Engine) -> Company:
    return engine.new_organization().new_company()


def large(size: int) -> bytes:
    """Return a JSON object of so many bytes."""
    return b'{"name": "' + b"a" * (size - 12) + b'"}'


def pieces(body: bytes) -> Iterator[bytes]:
    """Send without saying how much there is."""
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


def test_a_body_of_more_than_a_mebibyte_is_refused_however_it_comes(company: Company) -> None:
    body = large(ONE_MEBIBYTE + 1)
    for content in (body, pieces(body)):
        answer = company.api.post("/v1/campaigns", content=content, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    under = company.api.post("/v1/campaigns", content=large(ONE_MEBIBYTE), headers=JSON)
    assert under.status_code == 422


def test_a_list_of_people_may_be_larger(company: Company) -> None:
    path = f"/v1/campaigns/{draft_without_senders(company)}/leads"
    over = company.api.post(path, content=large(TEN_MEBIBYTES + 1), headers=JSON)
    assert (over.status_code, over.json()["code"]) == (413, "too_large")
    assert company.api.post(path, content=large(ONE_MEBIBYTE + 1), headers=JSON).status_code == 422


def draft_without_senders(company: Company) -> str:
    body = {"name": "Campaign", "capability": "email_outreach"}
    return company.api.post("/v1/campaigns", json=body).raise_for_status().json()["id"]


def test_logging_in_is_bounded_too(engine: Engine) -> None:
    with engine.client() as anonymous:
        answer = anonymous.post("/v1/auth/login", content=large(ONE_MEBIBYTE + 1), headers=JSON)
        assert answer.status_code == 413


def test_a_stranger_with_a_large_body_is_a_stranger_first(engine: Engine) -> None:
    with engine.client("obx_co_nonsense") as anonymous:
        answer = anonymous.post("/v1/campaigns", content=large(ONE_MEBIBYTE + 1), headers=JSON)
        assert answer.status_code == 401


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "jsonx", "text/json", ""])
def test_json_by_another_name_is_refused(company: Company, kind: str) -> None:
    body = json.dumps({"name": "Campaign", "capability": "email_outreach"}).encode()
    answer = company.api.post("/v1/campaigns", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"]
)
def test_json_by_its_names_is_taken(company: Company, kind: str) -> None:
    body = json.dumps({"name": "Campaign", "capability": "email_outreach"}).encode()
    assert company.api.post("/v1/campaigns", content=body, headers={"Content-Type": kind}).status_code == 201


def test_a_token_cannot_be_made_that_has_expired(company: Company) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    answer = company.api.post("/v1/api-tokens", json={"name": "Late", "expires_at": past})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "/expires_at", "code": "datetime_past"}]


def test_an_unhandled_error_is_a_problem_document_with_a_request_id(engine: Engine) -> None:
    async def broken() -> None:
        raise RuntimeError("secret words")

    state = State(**json.loads((engine.home / "state.json").read_text()))
    app = create_app(Home(engine.home, state).settings().model_copy(update={"metrics_port": 0}))
    app.router.routes.append(APIRoute("/broken", broken))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get("/broken")

    answer = asyncio.run(ask())
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text
