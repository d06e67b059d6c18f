"""A provider is a folder and one line: a fourth one is written to the database, connected, and runs a campaign."""

import sys
from collections.abc import Iterator

import httpx
import pytest

from api.dev.seed import create_company
from providers.registry import PROVIDERS
from tests.engine import STEPS, addresses, wait_for
from tests.prove.stage import Stage, stage
from tests.support.toy import TOY
from tests.support.toy.server import KEY, ToyServer

ANSWERABLE = [{**STEPS[0], "body": f"{STEPS[0]['body']}<p>{{{{unsubscribe_link}}}}</p>"}]
"""The toy has no header of its own by which a person could unsubscribe."""
WITH_TOY = [sys.executable, "-m", "tests.support.toy"]


@pytest.fixture
def toy() -> Iterator[ToyServer]:
    server = ToyServer()
    yield server
    server.close()


@pytest.fixture
def running(toy: ToyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """An engine whose processes know four providers; three of them have no simulator here."""
    monkeypatch.setitem(PROVIDERS, TOY.key, TOY)
    monkeypatch.setenv("OUTBOUND_PROVIDERS__TOY__URL", toy.url)
    with stage(commands={"api": [*WITH_TOY, "serve"], "worker": [*WITH_TOY, "worker"]}) as engine:
        yield engine


def test_a_fourth_provider_runs_a_campaign(running: Stage, toy: ToyServer) -> None:
    token = running.home.state.organizations[0]["org_token"]
    company = create_company(running.home, token, "Toys")
    entitlement = f"/partner/v1/companies/{company['id']}/entitlements/email_outreach"
    running.ask("PUT", entitlement, token, json={"provider": "toy"})
    wrong = {"company_id": company["id"], "provider": "toy", "credential": {"api_key": "no-such-key"}}
    with running.client(token) as partner:
        assert partner.post("/partner/v1/connections", json=wrong).json()["code"] == "credential_refused"
    running.ask("POST", "/partner/v1/connections", token, json={**wrong, "credential": {"api_key": KEY}})

    ours = company["token"]
    shown = running.ask("GET", "/v1/capabilities", ours)["data"]
    features = next(row["features"] for row in shown if row["capability"] == "email_outreach")
    assert (features["events"], features["reply"]) == (["message.sent", "message.replied"], False)
    (sender,) = running.ask("GET", "/v1/senders", ours)["data"]
    body = {"name": "Blocks", "capability": "email_outreach"}
    campaign = running.ask("POST", "/v1/campaigns", ours, json=body)["id"]
    running.ask("PUT", f"/v1/campaigns/{campaign}/sequence", ours, json={"steps": ANSWERABLE})
    running.ask("PUT", f"/v1/campaigns/{campaign}/senders", ours, json={"sender_ids": [sender["id"]]})
    people = addresses(20)
    leads = {"leads": [{"email": address} for address in people]}
    running.ask("POST", f"/v1/campaigns/{campaign}/leads", ours, json=leads)
    running.ask("POST", f"/v1/campaigns/{campaign}/start", ours)
    stats = f"/v1/campaigns/{campaign}/stats"
    wait_for("everybody", lambda: running.ask("GET", stats, ours)["leads"]["pushed"] == len(people))
    assert sorted(map(len, toy.calls)) == [6, 7, 7]

    (there,) = toy.campaigns.values()
    wait_for("the start", lambda: there.get("active"))
    reported = {"id": "e1", "event": "message.replied", "campaign": there["id"], "address": people[3]}
    assert httpx.post(there["hook"], json=reported).is_success
    events = wait_for("the reply", lambda: _events(running, ours, "message.replied"))
    assert events[0]["data"]["step"] == 1
    assert "toy" not in str(events).lower()


def _events(running: Stage, token: str, kind: str) -> list[dict[str, object]]:
    return [event for event in running.ask("GET", "/v1/events", token)["data"] if event["type"] == kind]
