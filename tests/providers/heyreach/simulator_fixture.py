"""A running HeyReach simulator, its campaigns and its fixtures."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.simulator_process import Receiver, Running, wait_for

__all__ = ["Receiver", "wait_for"]

KEY = "q3Zk+Yb0v1/8mX2cN4rT6uW8yA0eG2iK4oQ6sU8wZ0c="
OTHER_KEY = "b7Hd+Jf1x3/5pL9kR2tV4wY6zC8gE0iM2qS4uW6yA1d="
STRANGER = "https://www.linkedin.com/in/stranger"


class Simulator(Running):
    """A running simulator and clients for both of its sides."""

    provider = "heyreach"
    keys = [KEY, OTHER_KEY]

    def ask(self, method: str, path: str, body: Any = None, *, key: str | None = KEY, **query: Any) -> httpx.Response:
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json", **({"X-API-KEY": key} if key else {})}
        return self.client.request(method, f"/api/public{path}", params=query, content=content, headers=headers)

    def get(self, path: str, **query: Any) -> Any:
        return self.read(self.ask("GET", path, **query))

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        return self.read(self.ask("POST", path, {} if body is None else body, **query))

    @staticmethod
    def read(response: httpx.Response) -> Any:
        assert response.status_code == 200, response.text
        return response.json() if response.content else None

    def refused(self, path: str, body: Any, status: int = 400, **query: Any) -> str:
        response = self.ask("POST", path, body, **query)
        assert response.status_code == status, response.text
        return response.json().get("errorMessage") or json.dumps(response.json()["errors"])

    def seats(self) -> list[int]:
        return [row["id"] for row in self.post("/li_account/GetAll")["items"]]

    def list_(self, *slugs: str, name: str = "CTO leads") -> int:
        list_id = self.post("/list/CreateEmptyList", {"name": name})["id"]
        if slugs:
            self.post("/list/AddLeadsToListV2", {"listId": list_id, "leads": [lead(slug) for slug in slugs]})
        return list_id

    def draft(self, *slugs: str, tree: Any = None, **more: Any) -> int:
        body = {
            "name": "Q3 outreach",
            "linkedInUserListId": self.list_(*slugs),
            "linkedInAccountIds": self.seats(),
            "sequence": TREE if tree is None else tree,
            **more,
        }
        return self.post("/campaign/Create", body)["campaignId"]

    def running(self, *slugs: str, **more: Any) -> int:
        campaign = self.draft(*slugs, **more)
        self.start_campaign(campaign)
        return campaign

    def start_campaign(self, campaign: int) -> None:
        self.post("/campaign/StartCampaign", campaignId=campaign)
        wait_for(lambda: self.status(campaign) == "IN_PROGRESS")

    def status(self, campaign: int) -> str:
        return self.get("/campaign/GetById", campaignId=campaign)["status"]

    def add(self, campaign: int, *slugs: str, **more: Any) -> tuple[int, int, int]:
        answer = self.post("/campaign/AddLeadsToCampaignV2", pairs(campaign, *slugs, **more))
        return answer["addedLeadsCount"], answer["updatedLeadsCount"], answer["failedLeadsCount"]

    def members(self, campaign: int) -> dict[str, dict[str, Any]]:
        items = self.post("/campaign/GetLeadsFromCampaign", {"campaignId": campaign})["items"]
        return {item["linkedInUserProfile"]["profileUrl"]: item for item in items}

    def inside(self, campaign: int) -> dict[str, dict[str, Any]]:
        rows = self.control.get(f"/campaigns/{campaign}/leads").json()
        return {row["profile_url"]: row for row in rows}

    def hook(self, url: str, event_type: str, *campaigns: int) -> int:
        body = {"webhookName": "Hook", "webhookUrl": url, "eventType": event_type, "campaignIds": list(campaigns)}
        return self.post("/webhooks/CreateWebhook", body)["webhookId"]

    def effects(self, campaign: int) -> list[tuple[str, str]]:
        return [(line["email"].rpartition("/")[2], line["effect"]) for line in self.ledger(campaign)]


def url_of(slug: str) -> str:
    return f"https://www.linkedin.com/in/{slug}"


def lead(slug: str, **more: Any) -> dict[str, Any]:
    return {"profileUrl": url_of(slug), "firstName": "Ada", "lastName": "Doe", "companyName": "Acme", **more}


def pairs(campaign: int, *slugs: str, **more: Any) -> dict[str, Any]:
    return {"campaignId": campaign, "accountLeadPairs": [{"lead": lead(slug)} for slug in slugs], **more}


def node(kind: str, hours: int = 3, **more: Any) -> dict[str, Any]:
    return {"nodeType": kind, "actionDelay": hours, "actionDelayUnit": "HOUR", **more}


def message(text: str, then: dict[str, Any], **more: Any) -> dict[str, Any]:
    payload = {"messages": [text], "fallbackMessage": "Hello"}
    return node("MESSAGE", payload=payload, unconditionalNode=then, **more)


def invite(yes: dict[str, Any], no: dict[str, Any], note: str = "Hi {FIRST_NAME}") -> dict[str, Any]:
    payload = {"messages": [note], "fallbackMessage": "Hi"}
    return node("CONNECTION_REQUEST", 0, payload=payload, conditionalNode=yes, unconditionalNode=no)


END = node("END")
TREE = invite(
    message("Thanks, {FIRST_NAME}", message("Still there?", END)), node("VIEW_PROFILE", unconditionalNode=END)
)

DEFAULTS: dict[str, Any] = {
    "autoplay": False,
    "pace_ms": 50,
    "duplicates": 0,
    "order": "as_it_happened",
    "hour_s": 0.05,
    "lag_s": 0,
    "list_lag_s": 0,
    "inbox_lag_s": 0,
    "starting_s": 0,
    "obey_limits": False,
    "obey_hours": False,
    "keys": {},
    "campaign_api": {},
    "retry_after": False,
    "unauthorized_body": None,
    "lists_feed_campaigns": True,
    "finished_needs_flag": False,
    "resume_only_paused": False,
    "root_needs_delay": False,
    "hide_pending": False,
    "null_statuses": False,
    "nameless_seats": False,
    "extra_progress": 0,
    "custom_fields_in_inbox": True,
    "campaign_in_inbox": False,
    "preview_messages": 0,
    "first_network_page": 0,
    "imports_all_conversations": True,
    "completed_for": "lead",
    "event_case": "lower",
    "recent_messages": "thread",
    "correlation": "event",
    "campaign_in_replies": True,
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    simulator = Simulator(tmp_path_factory.mktemp("heyreach") / "state.db")
    yield simulator
    simulator.close()


@pytest.fixture
def sim(shared: Simulator) -> Iterator[Simulator]:
    """The shared simulator, without faults, without lag, and at rest."""
    shared.faults()
    shared.set(**DEFAULTS)
    yield shared
    shared.faults()
    shared.set(**DEFAULTS)


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
        started[-1].set(lag_s=0, inbox_lag_s=0, starting_s=0)
        return started[-1]

    yield start
    for simulator in started:
        simulator.close()
