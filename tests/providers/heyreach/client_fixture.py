"""Runs the HeyReach client against the simulator, and says what stands there."""

import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import time
from functools import cache
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import pytest

from providers.contract import Gate, ProviderClient
from providers.heyreach import HEYREACH
from providers.models import LeadToAdd, Schedule, Step
from tests.providers.heyreach.simulator_fixture import KEY, Simulator, wait_for
from tests.support.clients import call
from tests.support.simulator_process import PATIENCE

T = TypeVar("T")
URL = "http://127.0.0.1:9/hooks/path-token"
SCHEDULE = Schedule("Europe/Lisbon", [1, 3, 7], time(8, 30), time(16, 45), 12, 55)
STEPS = [
    Step(1, 0, "", "Hi {{obx_t_first_name}}, of {{obx_t_company_name}}?", "connection_request"),
    Step(2, 1, "", "Thanks {{obx_t_first_name}}! {{obx_t_c_opener}} {{obx_t_email}}", "message"),
    Step(3, 4, "", "Still there?", "message"),
]


def ask(
    sim: Simulator,
    action: Callable[[ProviderClient], Awaitable[T]],
    *,
    key: str = KEY,
    gate: Gate | None = None,
    timeout: float = PATIENCE,
) -> T:
    """Run one action with a client of its own."""

    url = f"http://127.0.0.1:{sim.port}"
    return call(HEYREACH, key, url, action, gate=gate, timeout=timeout)


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


@pytest.fixture(scope="module", autouse=True)
def quick_clients() -> Iterator[None]:
    """Read the system's certificates once: that is most of what a client takes, and nothing here speaks TLS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


def marker() -> str:
    return f"obx-{uuid4().hex}"


def seats(sim: Simulator) -> list[str]:
    return [str(seat) for seat in sim.seats()]


def new_campaign(sim: Simulator, name: str = "Spring") -> str:
    return ask(sim, lambda client: client.campaigns.create(name, marker(), seats(sim)))


def running(sim: Simulator, steps: list[Step] | None = None) -> str:
    campaign = new_campaign(sim)
    ask(sim, lambda client: client.campaigns.put_sequence(campaign, steps or STEPS))
    ask(sim, lambda client: client.campaigns.set_active(campaign, True))
    wait_for(lambda: sim.status(int(campaign)) == "IN_PROGRESS")
    return campaign


def stands(sim: Simulator, campaign: str) -> dict[str, Any]:
    return sim.control.get(f"/campaigns/{campaign}").json()


def stored(sim: Simulator, campaign: str) -> dict[str, dict[str, Any]]:
    return sim.inside(int(campaign))


def fresh(count: int = 1) -> list[str]:
    mark = uuid4().hex[:8]
    return [f"linkedin.com/in/p{number}-{mark}" for number in range(count)]


def people(*addresses: str, **more: Any) -> list[LeadToAdd]:
    return [LeadToAdd(uuid4(), address, "Ana", **more) for address in addresses]


def added(sim: Simulator, campaign: str) -> list[str]:
    """Return who was put into a campaign, once per time."""
    return sorted(line["email"] for line in sim.ledger(campaign) if line["effect"] == "added")


def urls(addresses: list[str]) -> list[str]:
    return [f"https://www.{address}" for address in addresses]


def hooks(sim: Simulator, campaign: str | None = None) -> list[dict[str, Any]]:
    rows = sim.post("/webhooks/GetAllWebhooks", {"limit": 100})["items"]
    return [row for row in rows if campaign is None or row["campaignIds"] == [int(campaign)]]
