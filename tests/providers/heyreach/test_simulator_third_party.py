"""The forms in which published clients of the provider ask, where ours asks otherwise."""

from typing import Any

import httpx

from tests.providers.heyreach.simulator_fixture import (
    DEFAULTS,
    KEY,
    TREE,
    Simulator,
    lead,
    shared,
    sim,
    url_of,
    wait_for,
)

__all__ = ["shared", "sim"]


def bare(sim: Simulator, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
    """Ask with a key and nothing more; only a body brings a content type."""
    return sim.client.request(
        method,
        f"/api/public{path}",
        params=query,
        headers={"X-API-KEY": KEY, "Accept": "text/plain"},
        **({} if body is None else {"json": body}),
    )


def test_a_campaign_is_made_and_run_without_a_body_where_none_is_needed(sim: Simulator) -> None:
    listed = bare(sim, "POST", "/list/CreateEmptyList", {"name": "Third"}).json()["id"]
    added = bare(sim, "POST", "/list/AddLeadsToListV2", {"listId": listed, "leads": [lead("third-one")]}).json()
    assert added == {"addedLeadsCount": 1, "updatedLeadsCount": 0, "failedLeadsCount": 0}
    body = {"name": "T", "linkedInUserListId": listed, "linkedInAccountIds": sim.seats(), "sequence": TREE}
    campaign = bare(sim, "POST", "/campaign/Create", body).json()["campaignId"]
    for verb, status in (("StartCampaign", "IN_PROGRESS"), ("Pause", "PAUSED"), ("Resume", "IN_PROGRESS")):
        answer = bare(sim, "POST", f"/campaign/{verb}", campaignId=campaign)
        assert (answer.status_code, answer.content) == (200, b"")
        wait_for(lambda wanted=status: sim.status(campaign) == wanted)


def test_leads_come_without_a_sender_and_leave_in_a_body_of_a_delete(sim: Simulator) -> None:
    campaign = sim.running("third-two")
    pairs = [{"lead": {"firstName": "Di", "profileUrl": url_of("third-three")}}]
    body = {"campaignId": campaign, "accountLeadPairs": pairs, "resumePausedCampaign": True}
    assert bare(sim, "POST", "/campaign/AddLeadsToCampaignV2", body).json()["addedLeadsCount"] == 1
    listed = sim.list_("third-four")
    urls = [f"{url_of('third-four')}/", url_of("third-nobody")]
    gone = bare(sim, "DELETE", "/list/DeleteLeadsFromListByProfileUrl", {"listId": listed, "profileUrls": urls})
    assert gone.json() == {"notFoundInList": ["third-nobody"]}


def test_lists_are_requested_with_everything_at_its_default(sim: Simulator) -> None:
    for path in ("/campaign/GetAll", "/list/GetAll", "/li_account/GetAll", "/webhooks/GetAllWebhooks"):
        answer = bare(sim, "POST", path, {"offset": 0, "limit": 100})
        assert {"totalCount", "items"} == set(answer.json())
    stats = bare(sim, "POST", "/stats/GetOverallStats", {"accountIds": [], "campaignIds": []})
    assert {"byDayStats", "overallStats"} == set(stats.json())


def test_a_network_is_counted_from_one_page_or_the_other(sim: Simulator) -> None:
    campaign = sim.running("third-five")
    sim.play(campaign, url_of("third-five"), "accepted")
    seat = sim.members(campaign)[url_of("third-five")]["linkedInSenderId"]
    body = {"senderId": seat, "pageSize": 100}
    for first in (0, 1):
        sim.set(first_network_page=first)
        requested = bare(sim, "POST", "/MyNetwork/GetMyNetworkForSender", {**body, "pageNumber": first})
        assert url_of("third-five") in [row["profileUrl"] for row in requested.json()["items"]]
    sim.set(first_network_page=DEFAULTS["first_network_page"])
