"""A running simulator, its campaigns and its fixtures."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.simulator_process import ROOT, Receiver, Running, wait_for

__all__ = ["ROOT", "Receiver", "wait_for"]

KEY = "6f1c2f0a-9a53-4c07-8f0e-2d3b7a1e5c44_ab12cd3"
OTHER_KEY = "0d9a7c11-5b1e-4f2b-9b8f-7f0c4a1d2e33_zz98yx7"


class Simulator(Running):
    """A running simulator and clients for both of its sides."""

    provider = "smartlead"
    keys = [KEY, OTHER_KEY]

    def ask(self, method: str, path: str, body: Any = None, *, key: str = KEY, **query: Any) -> httpx.Response:
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"}
        params = {"api_key": key, **query}
        return self.client.request(method, f"/api/v1{path}", params=params, content=content, headers=headers)

    def get(self, path: str, **query: Any) -> Any:
        return self._json(self.ask("GET", path, **query))

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        return self._json(self.ask("POST", path, {} if body is None else body, **query))

    def delete(self, path: str, body: Any = None) -> Any:
        return self._json(self.ask("DELETE", path, body))

    @staticmethod
    def _json(response: httpx.Response) -> Any:
        assert response.status_code == 200, response.text
        return response.json()

    def campaign(self, name: str = "Q3") -> int:
        return self.post("/campaigns/create", {"name": name})["id"]

    def add(self, campaign_id: int, *emails: str, **settings: Any) -> Any:
        leads = [{"email": email, "first_name": "Jason", "last_name": "T"} for email in emails]
        return self.post(f"/campaigns/{campaign_id}/leads", {"lead_list": leads, "settings": settings})

    def ready_campaign(self, *emails: str, steps: int = 1, url: str | None = None) -> int:
        """Create a campaign with everything it needs to start."""
        campaign_id = self.campaign()
        path = f"/campaigns/{campaign_id}"
        self.post(f"{path}/sequences", {"sequences": [step(number) for number in range(1, steps + 1)]})
        self.post(f"{path}/schedule", SCHEDULE)
        mailboxes = [row["id"] for row in self.get("/email-accounts/")]
        self.post(f"{path}/email-accounts", {"email_account_ids": mailboxes})
        if url:
            self.post(f"{path}/webhooks", hook(url))
        if emails:
            self.add(campaign_id, *emails)
        return campaign_id

    def start_campaign(self, campaign_id: int) -> None:
        assert self.post(f"/campaigns/{campaign_id}/status", {"status": "START"}) == {"ok": True}


SCHEDULE = {
    "timezone": "America/Los_Angeles",
    "days_of_the_week": [1, 2, 3, 4, 5],
    "start_hour": "09:00",
    "end_hour": "17:00",
    "min_time_btw_emails": 10,
    "max_new_leads_per_day": 20,
}
ALL_EVENTS = [
    "EMAIL_SENT",
    "EMAIL_OPEN",
    "EMAIL_LINK_CLICK",
    "EMAIL_REPLY",
    "EMAIL_BOUNCE",
    "LEAD_UNSUBSCRIBED",
    "LEAD_CATEGORY_UPDATED",
]
CATEGORIES = ["Interested", "Meeting Request", "Not Interested"]


def step(number: int, **more: Any) -> dict[str, Any]:
    delay = {"delay_in_days": 0 if number == 1 else 3}
    text = {"subject": "Hi {{first_name}}", "email_body": f"<p>Step {number}, {{{{first_name}}}}</p>"}
    return {"id": None, "seq_number": number, "seq_delay_details": delay, **text, **more}


def hook(url: str, **more: Any) -> dict[str, Any]:
    lists = {"event_types": ALL_EVENTS, "categories": CATEGORIES}
    return {"id": None, "name": "my hook", "webhook_url": url, **lists, **more}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    simulator = Simulator(tmp_path_factory.mktemp("simulator") / "state.db")
    yield simulator
    simulator.close()


@pytest.fixture
def sim(running: Simulator) -> Iterator[Simulator]:
    """The shared simulator, without faults and with the settings it starts with."""
    running.faults()
    running.set(**DEFAULTS)
    yield running
    running.faults()
    running.set(**DEFAULTS)


DEFAULTS = {
    "autoplay": False,
    "pace_ms": 50,
    "dialect": "live",
    "invert_direction": False,
    "sign_secret": None,
    "duplicates": 0,
    "order": "as_it_happened",
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    taker = Receiver()
    yield taker
    taker.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Callable[..., Simulator]]:
    """Start a simulator of one's own, with other settings or to be killed."""
    started: list[Simulator] = []

    def start(**settings: Any) -> Simulator:
        started.append(Simulator(tmp_path / f"state-{len(started)}.db", **settings))
        return started[-1]

    yield start
    for simulator in started:
        simulator.close()
