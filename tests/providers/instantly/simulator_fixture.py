"""A running simulator whose every answer is checked against the provider's own document."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.providers.instantly.schema_fixture import check
from tests.support.simulator_process import Receiver, Running, wait_for

__all__ = ["Receiver", "wait_for"]

KEY = "NmYxYzJmMGEtOWE1My00YzA3LThmMGUtMmQzYjdhMWU1YzQ0OmFiMTJjZDM0ZWY1Ng=="
OTHER_KEY = "MGQ5YTdjMTEtNWIxZS00ZjJiLTliOGYtN2YwYzRhMWQyZTMzOnp6OTh5eDc2d3Y1NA=="
SCHEDULE = {
    "schedules": [
        {
            "name": "Weekdays",
            "timing": {"from": "09:00", "to": "17:00"},
            "days": {"1": True, "2": True},
            "timezone": "America/Chicago",
        }
    ]
}
DEFAULTS = {
    "autoplay": False,
    "pace_ms": 50,
    "duplicates": 0,
    "order": "as_it_happened",
    "scope_status": 403,
    "over_limit": "refuse",
    "unknown_properties": "strip",
    "interest_answer": 202,
    "interest_delay": 0.1,
    "job_delay": 0.1,
    "step_form": "triple",
    "steps_base": 1,
    "account_daily": "live",
    "reply_payload": "B",
    "is_first": True,
    "auto_replies_as": "auto_reply_received",
    "completed_per": "campaign",
    "completed_resumes": True,
    "replied_status": 3,
    "duplicate_create": "same",
    "disable_after": 50,
    "bounce_protect": 0,
    "plan_contacts": 25_000,
}


def step(number: int, days: float = 3, subject: str | None = None) -> dict[str, Any]:
    opening = f"Hi {{{{firstName}}}} {number}" if subject is None else subject
    text = f"<p>Step {number} for {{{{companyName}}}}</p>"
    return {"type": "email", "delay": days, "variants": [{"subject": opening, "body": text}]}


class Simulator(Running):
    """A running simulator and clients for both of its sides."""

    provider = "instantly"
    keys = [KEY, OTHER_KEY]

    def start(self) -> None:
        self.client.event_hooks = {"response": [check]}
        super().start()

    def ask(self, method: str, path: str, body: Any = None, *, key: str | None = KEY, **query: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        content = {} if body is None else {"json": body}
        return self.client.request(method, f"/api/v2{path}", params=query, headers=headers, **content)

    def get(self, path: str, **query: Any) -> Any:
        return self._json(self.ask("GET", path, **query))

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        return self._json(self.ask("POST", path, body, **query))

    def patch(self, path: str, body: Any) -> Any:
        return self._json(self.ask("PATCH", path, body))

    def delete(self, path: str, body: Any = None, **query: Any) -> Any:
        return self._json(self.ask("DELETE", path, body, **query))

    @staticmethod
    def _json(response: httpx.Response) -> Any:
        assert response.is_success, response.text
        return response.json()

    def mailboxes(self) -> list[str]:
        return sorted(row["email"] for row in self.get("/accounts")["items"])

    def campaign(self, *steps: dict[str, Any], senders: bool = True, **more: Any) -> str:
        body = {
            "name": "Q3",
            "campaign_schedule": SCHEDULE,
            "sequences": [{"steps": list(steps) or [step(1)]}],
            "email_list": self.mailboxes() if senders else [],
            "open_tracking": True,
            "link_tracking": True,
            "stop_on_reply": True,
            **more,
        }
        return self.post("/campaigns", body)["id"]

    def add(self, campaign: str, *emails: str, **more: Any) -> Any:
        leads = [{"email": email, "first_name": "Jo", "company_name": "Acme"} for email in emails]
        return self.post("/leads/add", {"campaign_id": campaign, "leads": leads, **more})

    def lead(self, campaign: str, email: str) -> dict[str, Any]:
        return self.post("/leads/list", {"campaign": campaign, "contacts": [email]})["items"][0]

    def leads(self, campaign: str, **more: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        body: dict[str, Any] = {"campaign": campaign, "limit": 100, **more}
        while True:
            page = self.post("/leads/list", body)
            found += page["items"]
            if not page.get("next_starting_after"):
                return found
            body["starting_after"] = page["next_starting_after"]

    def hook(self, url: str, event_type: str | None = "all_events", **more: Any) -> str:
        body = {"target_hook_url": url, "event_type": event_type, "name": "hook", **more}
        return self.post("/webhooks", body)["id"]


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
    for hook in running.get("/webhooks", limit=100)["items"]:
        running.delete(f"/webhooks/{hook['id']}")


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
