"""The fault switches, the provider's own quirks among them, and what the ledger says of each."""

import time
from collections.abc import Callable

import httpx
import pytest

from tests.providers.heyreach.simulator_fixture import Simulator, own, pairs, shared, sim, url_of

__all__ = ["own", "shared", "sim"]


def lines(sim: Simulator, campaign: int) -> list[tuple[str, bool]]:
    return [(line["effect"], line["answered"]) for line in sim.ledger(campaign)]


def ask(sim: Simulator, campaign: int, *slugs: str) -> httpx.Response:
    return sim.ask("POST", "/campaign/AddLeadsToCampaignV2", pairs(campaign, *slugs))


@pytest.mark.parametrize(("name", "status"), [("rate_limited", 429), ("429", 429), ("server_error", 500), ("500", 500)])
def test_early_faults_do_no_work(sim: Simulator, name: str, status: int) -> None:
    campaign = sim.running()
    sim.faults(**{name: {"seconds": 7}})
    sim.set(retry_after=True)
    answer = ask(sim, campaign, "early-fault")
    assert (answer.status_code, "errorMessage" in answer.json()) == (status, True)
    assert answer.headers.get("retry-after") == ("7" if status == 429 else None)
    sim.faults()
    assert sim.members(campaign) == {}
    assert lines(sim, campaign) == [("none", True)]


def test_slow_waits_and_then_works(sim: Simulator) -> None:
    campaign = sim.running()
    sim.faults(slow={"seconds": 0.3})
    began = time.monotonic()
    assert ask(sim, campaign, "slow-fault").status_code == 200
    assert time.monotonic() - began >= 0.3
    assert lines(sim, campaign) == [("added", True)]


def test_a_lost_response_has_done_its_work(sim: Simulator) -> None:
    campaign = sim.running()
    sim.faults(lost_response={"paths": ["AddLeads"]})
    with pytest.raises(httpx.RemoteProtocolError):
        ask(sim, campaign, "lost-fault")
    assert list(sim.members(campaign)) == [url_of("lost-fault")]
    assert lines(sim, campaign) == [("added", False)]


def test_a_lost_start_has_enrolled_the_list(sim: Simulator) -> None:
    campaign = sim.draft("lost-start")
    sim.faults(lost_response={"paths": ["StartCampaign"]})
    with pytest.raises(httpx.RemoteProtocolError):
        sim.ask("POST", "/campaign/StartCampaign", {}, campaignId=campaign)
    assert lines(sim, campaign) == [("added", False)]


def test_a_malformed_answer_has_done_its_work(sim: Simulator) -> None:
    campaign = sim.running()
    sim.faults(malformed=True)
    answer = ask(sim, campaign, "malformed-fault")
    assert answer.status_code == 200
    with pytest.raises(ValueError):
        answer.json()
    assert lines(sim, campaign) == [("added", True)]


def test_a_refused_budget_leaves_a_line(own: Callable[..., Simulator]) -> None:
    sim = own(rate_limit="1/60")
    sim.clock(speed=0)
    sim.ask("GET", "/auth/CheckApiKey")
    assert ask(sim, 7, "over-budget").status_code == 429
    assert sim.effects(7) == [("over-budget", "none")]


def test_nothing_added_is_three_zeros(sim: Simulator) -> None:
    campaign = sim.running()
    sim.faults(nothing_added={"times": 1})
    assert sim.add(campaign, "nothing-one") == (0, 0, 0)
    assert sim.members(campaign) == {}
    assert sim.add(campaign, "nothing-one") == (1, 0, 0)
    assert lines(sim, campaign) == [("none", True), ("added", True)]
    assert sim.control.get("/faults/hits").json() == {"nothing_added": 1}


def test_a_part_of_the_leads_fails_and_no_answer_says_which(sim: Simulator) -> None:
    campaign = sim.running()
    sim.faults(partial_failure=True)
    people = [f"partial-{number}" for number in range(20)]
    added, _, failed = sim.add(campaign, *people)
    assert added + failed == 20
    assert added > 0 < failed
    assert len(sim.members(campaign)) == added
    assert [effect for _, effect in sim.effects(campaign)].count("refused") == failed


def test_a_draft_may_be_hidden(sim: Simulator) -> None:
    campaign = sim.draft()
    sim.faults(hidden_draft={"times": 1})
    assert sim.ask("GET", "/campaign/GetById", campaignId=campaign).status_code == 404
    assert sim.status(campaign) == "DRAFT"


def test_progress_may_be_negative_and_disagree(sim: Simulator) -> None:
    campaign = sim.running("progress-one")
    sim.faults(negative_progress=True)
    sim.set(extra_progress=-3)
    progress = sim.get("/campaign/GetById", campaignId=campaign)["progressStats"]
    assert progress["totalUsersInProgress"] < 0
    assert progress["totalUsers"] == -2


def test_a_stop_may_stop_no_lead(sim: Simulator) -> None:
    campaign = sim.running("stop-ignored")
    sim.faults(stop_ignored={"times": 1})
    body = {"campaignId": campaign, "leadUrl": url_of("stop-ignored")}
    for stopped in (False, True):
        assert sim.ask("POST", "/campaign/StopLeadInCampaign", body).status_code == 200
        assert sim.inside(campaign)[url_of("stop-ignored")]["stopped"] is stopped


def test_a_conversation_may_go_stale_and_a_message_be_lost(sim: Simulator) -> None:
    campaign = sim.running("stale-one")
    sim.play(campaign, url_of("stale-one"), "message")
    item = sim.post("/inbox/GetConversationsV2", {"filters": {"leadProfileUrl": url_of("stale-one")}})["items"][0]
    path = f"/inbox/GetChatroom/{item['linkedInAccountId']}/{item['id']}"
    sim.faults(stale_conversation={"times": 1})
    assert [sim.ask("GET", path).status_code for _ in range(2)] == [404, 200]
    sim.faults(message_lost=True)
    body = {"message": "Lost", "conversationId": item["id"], "linkedInAccountId": item["linkedInAccountId"]}
    assert sim.ask("POST", "/inbox/SendMessage", body).status_code == 200
    assert sim.get(path)["totalMessages"] == 1


def test_senders_may_be_refused_one_by_one(sim: Simulator) -> None:
    first, second = sim.seats()[:2]
    campaign = sim.draft(linkedInAccountIds=[first])
    body = {"campaignId": campaign, "linkedInAccountIds": [second]}
    sim.faults(accounts_refused={"times": 1})
    for expected in ([first], [first, second]):
        assert sim.ask("POST", "/campaign/AddLinkedInAccountsToCampaign", body).status_code == 200
        assert sim.get("/campaign/GetById", campaignId=campaign)["campaignAccountIds"] == expected


def test_unknown_switches_and_settings_are_refused(sim: Simulator) -> None:
    assert sim.control.put("/faults", json={"gremlins": True}).status_code == 422
    assert sim.control.put("/settings", json={"completed_for": "nobody"}).status_code == 422
    assert sim.control.put("/settings", json={"campaign_api": {"key": "maybe"}}).status_code == 422
