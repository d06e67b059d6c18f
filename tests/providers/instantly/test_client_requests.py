"""Whatever the client sends is in the provider's own document: each request of these tests is checked against it."""

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import pytest
from jsonschema import Draft202012Validator

from providers.contract import Gate, ProviderClient
from providers.errors import Refused
from providers.instantly import INSTANTLY
from providers.models import Fact, HookState, LeadToAdd, Schedule, Settings, Step
from tests.providers.instantly.schema_fixture import FORMATS, document, templates
from tests.providers.instantly.simulator_fixture import KEY, Simulator, running, sim
from tests.providers.recording import VERBS, Noting
from tests.support.clients import call
from tests.support.simulator_process import PATIENCE

__all__ = ["running", "sim"]
T = TypeVar("T")
SOME_ID = "6f1c2f0a-9a53-4c07-8f0e-2d3b7a1e5c44"
URL = "http://127.0.0.1:9/hooks/path-token"
SCHEDULE = Schedule("Europe/Lisbon", [1, 3, 7], time(8, 30), time(16, 45), 12, 55)
STEPS = [
    Step(1, 0, "Hi {{obx_l_first_name}}", "<p>{{obx_h_c_city}} {{obx_h_company_name}}</p>"),
    Step(2, 3, "", "Again, <b>{{obx_h_first_name}}</b>"),
]


def ask(
    sim: Simulator,
    action: Callable[[ProviderClient], Awaitable[T]],
    *,
    key: str = KEY,
    gate: Gate | None = None,
    timeout: float = PATIENCE,
) -> T:
    """Run one action with a client of its own, and check each of its requests against the document."""
    url = f"http://127.0.0.1:{sim.port}"
    with recorded() as requests:
        try:
            return call(INSTANTLY, key, url, action, gate=gate, timeout=timeout)
        finally:
            for request in requests:
                assert wrong(request) == [], (request.method, request.url.path, wrong(request))


@contextmanager
def recorded() -> Iterator[list[httpx.Request]]:
    """Note every request that an asynchronous client really sends."""
    requests: list[httpx.Request] = []
    original = httpx.AsyncHTTPTransport.handle_async_request

    async def noting(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return await original(self, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", noting)
        yield requests


def wrong(request: httpx.Request) -> list[str]:
    """Return what of a request is not in the provider's document."""
    path = next((path for pattern, path in templates() if pattern.fullmatch(request.url.path)), None)
    method = request.method.lower()
    if path is None or method not in document()["paths"][path]:
        return ["there is no such operation"]
    operation = document()["paths"][path][method]
    return [*_wrong_parameters(request, path, operation), *_wrong_body(request, operation)]


def _wrong_parameters(request: httpx.Request, path: str, operation: dict[str, Any]) -> list[str]:
    known = {(one["in"], one["name"]): one["schema"] for one in operation.get("parameters", [])}
    parts = zip(path.split("/"), request.url.path.split("/"), strict=True)
    given = {("path", name[1:-1]): value for name, value in parts if name.startswith("{")}
    given |= {("query", name): value for name, value in request.url.params.items()}
    shown = [f"{place} is not a parameter" for place in given if place not in known]
    for place in given.keys() & known.keys():
        plain = known[place].get("type") in ("integer", "number", "boolean")
        shown += _faults(known[place], json.loads(given[place]) if plain else given[place])
    return shown


def _wrong_body(request: httpx.Request, operation: dict[str, Any]) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = content.get("schema", {"type": "null"})
    if not request.content:
        shown = ["an empty body calls itself JSON"] if "content-type" in request.headers else []
        return shown + _faults(schema, None) if schema.get("type") == "null" else [*shown, "the body is missing"]
    if request.headers["content-type"] != "application/json":
        return ["the body is not JSON"]
    return _faults(schema, json.loads(request.content))


def _faults(schema: dict[str, Any], value: Any) -> list[str]:
    whole = {**closed(schema), "components": document()["components"]}
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(
        whole, format_checker=FORMATS).iter_errors(value)]  # fmt: skip


def closed(schema: Any) -> Any:
    """Return a schema without room for properties it does not name: the provider drops these without a word."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict):
        inner.setdefault("additionalProperties", False)
    return inner


def inside(sim: Simulator, campaign: str) -> dict[str, Any]:
    return sim.control.get(f"/campaigns/{campaign}").json()


def stored(sim: Simulator, campaign: str) -> dict[str, dict[str, Any]]:
    return {row["email"]: row for row in sim.control.get(f"/campaigns/{campaign}/leads").json()}


def new_campaign(sim: Simulator, name: str = "Spring") -> str:
    return ask(sim, lambda client: client.campaigns.create(name, f"obx-{uuid4().hex}", []))


def people(*emails: str, **more: Any) -> list[LeadToAdd]:
    return [LeadToAdd(uuid4(), email, "Ana", **more) for email in emails]


def fresh(count: int = 1) -> list[str]:
    mark = uuid4().hex[:8]
    return [f"p{number}.{mark}@client.example" for number in range(count)]


def added(sim: Simulator, campaign: str) -> list[str]:
    """Return who was put into a campaign, once per time."""
    return sorted(line["email"] for line in sim.ledger(campaign) if line["effect"] == "added")


async def everything(client: Any, sim: Simulator) -> None:
    """Use each verb, so that each request there is goes out."""
    await client.account.verify()
    senders = await client.account.list_senders()
    marker = f"obx-{uuid4().hex}"
    campaign = await client.campaigns.create("All", marker, [])
    assert await client.campaigns.find(marker) == campaign
    assert not await client.campaigns.has_begun(campaign)
    await client.campaigns.put_name(campaign, "All of it", marker)
    await client.campaigns.put_sequence(campaign, STEPS)
    await client.campaigns.put_settings(campaign, Settings(track_opens=True))
    await client.campaigns.put_schedule(campaign, SCHEDULE)
    await client.campaigns.put_senders(campaign, [sender.external_id for sender in senders])
    await client.webhooks.put(campaign, URL)
    await client.webhooks.put(campaign, f"{URL}-new")
    assert await client.webhooks.check(campaign, f"{URL}-new") is HookState.WORKING
    await client.webhooks.delete(campaign, f"{URL}-new")
    assert await client.webhooks.check(campaign, f"{URL}-new") is HookState.MISSING
    emails = fresh(3)
    full = LeadToAdd(uuid4(), emails[0], "Zoë", "Ng", "Acme", {"obx_h_c_city": "Lisbon"})
    await client.leads.add(campaign, [full, *people(*emails[1:])])
    found = await client.leads.find_all(campaign, [*emails, "zoë@client.example"], datetime.now(UTC))
    await client.campaigns.set_active(campaign, True)
    assert await client.campaigns.has_begun(campaign)
    await client.campaigns.set_active(campaign, False)
    await converse(client, sim, campaign, emails[2])
    await client.block_list.add([emails[0], "blocked.example"])
    assert await client.block_list.entries() >= {emails[0], "blocked.example"}
    await client.block_list.remove([emails[0], "blocked.example"])
    for email, for_good in zip(emails, (True, False), strict=False):
        await client.leads.stop(campaign, found[email], for_good=for_good)
    assert await client.leads.find(campaign, emails[2]) == found[emails[2]]
    for verb in (client.leads.pause, client.leads.resume):
        with pytest.raises(Refused):
            await verb(campaign, found[emails[2]])


async def converse(client: Any, sim: Simulator, campaign: str, email: str) -> None:
    """Have a lead reply, look at it in every way there is, and answer."""
    since = datetime.now(UTC) - timedelta(minutes=5)
    sim.play(campaign, email, "reply", text="Yes")
    assert (await client.inbox.read_figures(campaign)).replied == 1
    facts = await client.inbox.read_facts([campaign], since)
    assert {(event.fact, event.email) for event in facts} == {(Fact.SENT, email), (Fact.REPLIED, email)}
    lead = await client.leads.find(campaign, email)
    await client.inbox.reply(campaign, lead, email, "Gladly.\n\nAna & more")
    thread = await client.inbox.read_thread(campaign, lead, email)
    assert [message.incoming for message in thread] == [False, True, False]


def use_everything(sim: Simulator) -> list[httpx.Request]:
    """Use each verb there is and return the requests that went out."""
    used = set[str]()

    async def run(client: ProviderClient) -> None:
        noting = Noting(client)
        await everything(noting, sim)
        used.update(noting.used)

    with recorded() as requests:
        ask(sim, run)
    assert used == VERBS
    return requests


def test_each_request_is_in_the_providers_document(sim: Simulator) -> None:
    wanted = {(request.method, request.url.path.split("/")[3]) for request in use_everything(sim)}
    assert wanted >= {
        ("GET", "campaigns"), ("GET", "accounts"), ("POST", "campaigns"), ("PATCH", "campaigns"), ("GET", "webhooks"),
        ("POST", "webhooks"), ("PATCH", "webhooks"), ("DELETE", "webhooks"), ("POST", "leads"), ("GET", "leads"),
        ("DELETE", "leads"), ("GET", "emails"), ("POST", "emails"), ("GET", "block-lists-entries"),
        ("POST", "block-lists-entries"),
    }  # fmt: skip


def test_a_provider_that_refuses_unknown_properties_refuses_nothing(sim: Simulator) -> None:
    sim.set(unknown_properties="reject")
    assert use_everything(sim)


def test_each_request_says_who_asks_and_brings_the_key_in_a_header(sim: Simulator) -> None:
    requests = use_everything(sim)
    assert len(requests) > 40
    for request in requests:
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["user-agent"].startswith("outbound-engine/")
        assert KEY not in str(request.url)


@pytest.mark.parametrize(
    ("method", "path", "body", "fault"),
    [
        ("GET", "/campaign", None, "no such operation"),
        ("DELETE", "/campaigns", None, "no such operation"),
        ("GET", "/campaigns?limit=101", None, "101 is greater"),
        ("GET", "/campaigns?page=1", None, "not a parameter"),
        ("GET", "/campaigns/5", None, "is not a 'uuid'"),
        ("POST", "/campaigns", None, "body is missing"),
        ("POST", "/campaigns", {"name": "n"}, "campaign_schedule"),
        ("POST", "/leads/list", {"campaign_id": SOME_ID}, "campaign_id"),
        ("POST", "/leads/list", {"contacts": ["nobody"]}, "is not a 'email'"),
        ("POST", "/leads/add", {"leads": [{"email": "a@b.co", "custom_variables": {"a": []}}]}, "[]"),
        ("POST", "/leads/add", {"leads": [{"email": "a@b.co", "name": "x"}]}, "name"),
        ("DELETE", f"/leads/{SOME_ID}", {}, "is not of type 'null'"),
    ],
)
def test_the_check_finds_what_is_wrong(method: str, path: str, body: Any, fault: str) -> None:
    content = {} if body is None else {"json": body}
    assert fault in " ".join(wrong(httpx.Request(method, f"http://x/api/v2{path}", **content)))


def test_the_check_finds_an_empty_body_that_calls_itself_json() -> None:
    headers = {"content-type": "application/json"}
    request = httpx.Request("POST", f"http://x/api/v2/campaigns/{SOME_ID}/pause", headers=headers)
    assert wrong(request) == ["an empty body calls itself JSON"]
