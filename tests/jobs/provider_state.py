"""What the tests of the lane ask the simulator and the database."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import httpx

from tests.engine import Company, Engine, Organization, wait_for


@cache
def _client(url: str) -> httpx.Client:
    """Return the one client of an address, kept until the process ends."""
    return httpx.Client(base_url=url, timeout=60)


def control(engine: Engine) -> httpx.Client:
    """Return the simulator's control API."""
    return _client(engine.dev["simulators"]["smartlead"]["control_url"])


def provider(engine: Engine, method: str, path: str, body: object = None) -> httpx.Response:
    """Ask the simulator what a person with the account's key might ask."""
    url, key = engine.dev["simulators"]["smartlead"]["url"], engine.api_key
    return _client(url).request(method, f"/api/v1{path}", params={"api_key": key}, json=body).raise_for_status()


def external_ids(engine: Engine, campaign: str) -> list[int]:
    """Return the ids of the provider's campaigns whose names carry the marker of ours."""
    marker = f"obx-{campaign.replace('-', '')}"
    rows = control(engine).get("/campaigns").raise_for_status().json()
    return [row["id"] for row in rows if marker in row["name"]]


def at_provider(engine: Engine, campaign: str) -> dict[str, Any]:
    """Return the one campaign that stands at the provider for ours."""
    (number,) = external_ids(engine, campaign)
    return control(engine).get(f"/campaigns/{number}").raise_for_status().json()


def people_at_provider(engine: Engine, campaign: str) -> dict[str, dict[str, Any]]:
    """Return the provider's people of a campaign, by address."""
    (number,) = external_ids(engine, campaign)
    rows = control(engine).get(f"/campaigns/{number}/leads").raise_for_status().json()
    return {row["email"]: row for row in rows}


def ledger(engine: Engine, campaign: str) -> list[dict[str, Any]]:
    """Return the asks to add people to a campaign, oldest first, or nothing when it was never created."""
    numbers = external_ids(engine, campaign)
    return [
        line
        for number in numbers
        for line in control(engine).get("/ledger", params={"campaign": number}).raise_for_status().json()
    ]


def ledger_length(engine: Engine, campaign: str) -> int:
    """Return how many people the provider got requests to add to a campaign, without fetching every line."""
    return sum(
        control(engine).get("/ledger/count", params={"campaign": number}).raise_for_status().json()["lines"]
        for number in external_ids(engine, campaign)
    )


def play(engine: Engine, campaign: str, email: str, event: str) -> None:
    """Make something happen to a person at the provider."""
    (number,) = external_ids(engine, campaign)
    body = {"campaign_id": number, "email": email, "event": event}
    control(engine).post("/play", json=body).raise_for_status()


def assert_each_added_once(engine: Engine, campaign: str, emails: list[str]) -> None:
    """Every lead was added exactly once, no other was, and none was looked up or added after that."""
    lines = ledger(engine, campaign)
    added = Counter(line["email"] for line in lines if line["effect"] == "added")
    assert {email: count for email, count in added.items() if count > 1} == {}
    assert set(emails) - set(added) == set()
    assert set(added) - set(emails) == set()
    seen: set[str] = set()
    again: list[str] = []
    for line in lines:
        again += [line["email"]] if line["email"] in seen else []
        seen |= {line["email"]} if line["effect"] == "added" else set()
    assert again == []


def pushes(company: Company, campaign: str) -> dict[str, tuple[str, str | None]]:
    """Return how far handing over has come: address to state and reason."""
    found: dict[str, tuple[str, str | None]] = {}
    params: dict[str, Any] = {"limit": 200}
    while True:
        page = company.api.get(f"/v1/campaigns/{campaign}/leads", params=params).raise_for_status().json()
        found |= {row["email"]: (row["push"]["state"], row["push"]["reason"]) for row in page["data"]}
        if page["next_cursor"] is None:
            return found
        params["cursor"] = page["next_cursor"]


def stats(company: Company, campaign: str) -> dict[str, Any]:
    """Return a campaign's figures."""
    return company.api.get(f"/v1/campaigns/{campaign}/stats").raise_for_status().json()


def wait_status(engine: Engine, campaign: str, status: str, seconds: float = 20.0) -> None:
    """Wait until the provider's campaign has a status."""
    wait_for(f"{campaign} {status}", lambda: at_provider(engine, campaign)["status"] == status, seconds)


@contextmanager
def faults(engine: Engine, **switches: Any) -> Iterator[None]:
    """Have the provider misbehave for a while."""
    control(engine).put("/faults", json=switches).raise_for_status()
    try:
        yield
    finally:
        control(engine).put("/faults", json={}).raise_for_status()


def hits(engine: Engine) -> dict[str, int]:
    """Return how often each fault that is on has struck."""
    return control(engine).get("/faults/hits").raise_for_status().json()


def stop_autoplay(engine: Engine) -> None:
    """Have nothing happen at the provider by itself."""
    control(engine).put("/settings", json={"autoplay": False}).raise_for_status()


@contextmanager
def no_autoplay(engine: Engine) -> Iterator[None]:
    """Have nothing happen at the provider by itself for a while."""
    stop_autoplay(engine)
    try:
        yield
    finally:
        control(engine).put("/settings", json={"autoplay": True}).raise_for_status()


def account_of(engine: Engine, organization: Organization) -> str:
    """Return the id of an organization's provider account."""
    with engine.sql() as conn:
        row = conn.execute("select id from outbound.provider_accounts where org_id = %s", [organization.id]).fetchone()
    assert row is not None
    return str(row["id"])


def jobs_of(engine: Engine, account: str) -> list[dict[str, Any]]:
    """Return the queue's jobs of one account's lane."""
    with engine.sql() as conn:
        return conn.execute(
            "select * from jobs.procrastinate_jobs where task_name = 'account.work' and args ->> 'subject' = %s",
            [account],
        ).fetchall()


def lose_jobs(engine: Engine, account: str) -> None:
    """Delete the queue's jobs of one account's lane, as a careless hand might."""
    with engine.sql() as conn:
        conn.execute("set search_path = jobs")  # the queue's triggers need it
        conn.execute(
            "delete from procrastinate_jobs where task_name = 'account.work' and args ->> 'subject' = %s", [account]
        )
