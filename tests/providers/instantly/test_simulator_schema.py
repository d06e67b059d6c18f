"""Every answer keeps to the provider's own document; the running simulator's client checks each one it gets."""

from typing import Any

import httpx
import pytest

from providers.simulators.instantly.routes import TABLE
from tests.providers.instantly.schema_fixture import LIVE_DEVIATIONS, check, document
from tests.providers.instantly.simulator_fixture import Simulator, running, sim, step

__all__ = ["running", "sim"]


def test_the_simulator_serves_nothing_that_is_not_documented() -> None:
    documented = {(path, method.upper()) for path, parts in document()["paths"].items() for method in parts}
    assert {(f"/api/v2{route.path}", route.method) for route in TABLE} == documented


def test_each_deviation_says_why() -> None:
    assert all(len(reason) > 20 for reason in LIVE_DEVIATIONS.values())


def test_the_check_finds_what_is_wrong() -> None:
    request = httpx.Request("GET", "http://x/api/v2/campaigns/count-launched")
    check(httpx.Response(200, json={"count": 1}, request=request))
    with pytest.raises(AssertionError, match="count"):
        check(httpx.Response(200, json={"count": "1"}, request=request))


def stage(sim: Simulator) -> dict[str, str]:
    """Make one of everything, with a history, and return what stands for the ids in paths."""
    campaign = sim.campaign(step(1), step(2))
    sim.add(campaign, "all@schema.com", "other@schema.com")
    shown = sim.play(campaign, "all@schema.com", "reply", text="Yes")
    for event in ("open", "click", "bounce"):
        sim.play(campaign, "all@schema.com", event)
    sim.play(campaign, "other@schema.com", "interest", value=1)
    ids = {
        "campaigns": campaign,
        "emails": shown["email_id"],
        "leads": sim.lead(campaign, "all@schema.com")["id"],
        "subsequences": sim.post("/subsequences", {"parent_campaign": campaign, "name": "S", "conditions": {}})["id"],
        "webhooks": sim.hook("https://example.com/x", "lead_closed"),
        "lead-lists": sim.post("/lead-lists", {"name": "L"})["id"],
        "lead-labels": sim.post("/lead-labels", {"label": "X", "interest_status_label": "negative"})["id"],
        "custom-tags": sim.post("/custom-tags", {"label": f"T {campaign}"})["id"],
        "block-lists-entries": sim.post("/block-lists-entries", {"bl_value": "schema.org"})["id"],
        "background-jobs": sim.post("/accounts/warmup/disable", {"include_all_emails": True})["id"],
        "workspace-members": sim.get("/workspace-members")["items"][0]["id"],
        "campaign_id": campaign,
        "email": sim.mailboxes()[0],
        "host": "example.com",
    }
    tag = {"tag_ids": [ids["custom-tags"]], "resource_type": 2, "assign": True, "resource_ids": [campaign]}
    sim.post("/custom-tags/toggle-resource", tag)
    return ids


def test_everything_that_can_be_read_keeps_to_the_document(sim: Simulator) -> None:
    ids = stage(sim)
    query: dict[str, Any] = {name: ids[name] for name in ("campaign_id", "host")}
    for route in TABLE:
        resource = route.path.split("/")[1]
        if route.method != "GET" or (resource not in ids and "{id}" in route.path):
            continue
        path = route.path.replace("{id}", ids.get(resource, "")).replace("{email}", ids["email"])
        path = path.replace("{sessionId}", "x")
        answer = sim.ask("GET", path, **query)
        unpaid = resource.startswith("inbox-placement")
        assert answer.status_code == (402 if unpaid else 200), (path, answer.text)
    sim.delete(f"/block-lists-entries/{ids['block-lists-entries']}")


@pytest.mark.parametrize("name", ["unauthorized", "payment_required", "forbidden", "rate_limited", "server_error"])
def test_every_refusal_has_the_same_envelope(sim: Simulator, name: str) -> None:
    sim.faults(**{name: True})
    answer = sim.ask("GET", "/campaigns")
    assert set(answer.json()) == {"statusCode", "error", "message"}
    assert answer.json()["statusCode"] == answer.status_code
