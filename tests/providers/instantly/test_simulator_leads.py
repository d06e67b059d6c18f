"""Leads: adding, listing, changing, moving, deleting, and what the ledger says."""

from collections import Counter
from typing import Any

import httpx
import pytest

from tests.providers.instantly.simulator_fixture import Simulator, running, sim, wait_for

__all__ = ["running", "sim"]


def effects(sim: Simulator, place: str) -> list[tuple[str, str, bool]]:
    return [(line["email"], line["effect"], line["answered"]) for line in sim.ledger(place)]


def test_many_are_counted_by_what_became_of_them(sim: Simulator) -> None:
    campaign = sim.campaign()
    sim.add(campaign, "known@count.com")
    sim.post("/block-lists-entries", {"bl_value": "blocked.com"})
    wanted = ["new@count.com", "NEW@count.com", "known@count.com", "a@blocked.com", "nonsense"]
    shown = sim.add(campaign, *wanted)
    sim.delete("/block-lists-entries", search="blocked.com")
    assert shown["status"] == "success"
    assert {key: shown[key] for key in shown if isinstance(shown[key], int) and key != "remaining_in_plan"} == {
        "total_sent": 5,
        "leads_uploaded": 1,
        "in_blocklist": 1,
        "duplicated_leads": 1,
        "skipped_count": 0,
        "invalid_email_count": 1,
        "incomplete_count": 0,
        "duplicate_email_count": 1,
    }
    assert shown["blocklist_used"] is None
    assert [(row["index"], row["email"]) for row in shown["created_leads"]] == [(0, "new@count.com")]
    kinds = Counter(effect for _, effect, _ in effects(sim, campaign))
    assert kinds == {"added": 2, "already": 2, "refused": 2}


def test_an_address_may_be_in_several_campaigns_unless_skipped(sim: Simulator) -> None:
    first, second = sim.campaign(), sim.campaign()
    sim.add(first, "twice@skip.com")
    assert sim.add(second, "twice@skip.com", skip_if_in_campaign=True)["skipped_count"] == 1
    assert sim.add(second, "twice@skip.com")["leads_uploaded"] == 1
    found = sim.get("/campaigns/search-by-contact", search="twice@skip.com")["items"]
    assert {row["id"] for row in found} == {first, second}


def test_one_and_many_differ_in_what_they_fill(sim: Simulator) -> None:
    campaign = sim.campaign()
    one = sim.post("/leads", {"campaign": campaign, "email": "one@style.com", "custom_variables": {"tier": 2}})
    assert (one["first_name"], one["payload"]["firstName"], one["payload"]["campaign"]) == ("", "", campaign)
    assert one["payload"]["tier"] == 2
    sim.add(campaign, "many@style.com")
    many = sim.lead(campaign, "many@style.com")
    assert many["payload"] == {"firstName": "Jo", "companyName": "Acme", "email": "many@style.com"}
    assert "last_name" not in many
    assert sim.get(f"/campaigns/{campaign}")["custom_variables"] == {"tier": True}


def test_a_lead_created_twice_is_the_same_or_another(sim: Simulator) -> None:
    campaign = sim.campaign()
    body = {"campaign": campaign, "email": "same@twice.com"}
    first = sim.post("/leads", body)
    assert sim.post("/leads", body)["id"] == first["id"]
    sim.set(duplicate_create="new")
    assert sim.post("/leads", body)["id"] != first["id"]
    assert [effect for _, effect, _ in effects(sim, campaign)] == ["added", "already", "added"]


def test_lists_are_pages_by_rising_id(sim: Simulator) -> None:
    campaign = sim.campaign()
    sim.add(campaign, *(f"lead{number}@page.com" for number in range(24)))
    assert len(sim.post("/leads/list", {"campaign": campaign})["items"]) == 10
    rows = sim.leads(campaign, limit=7)
    assert len(rows) == 24
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert [row["email"] for row in rows] == [f"lead{number}@page.com" for number in range(24)]
    # A filter under its wrong name is dropped, and the list is that of the whole workspace.
    assert len(sim.post("/leads/list", {"campaign_id": campaign, "limit": 100})["items"]) >= 24


def test_leads_are_found_by_words_and_state(sim: Simulator) -> None:
    campaign = sim.campaign()
    sim.add(campaign, "a@find.com", "b@find.com")
    sim.play(campaign, "a@find.com", "bounce")
    assert [row["email"] for row in sim.leads(campaign, search="B@find")] == ["b@find.com"]
    assert [row["email"] for row in sim.leads(campaign, filter="FILTER_VAL_BOUNCED")] == ["a@find.com"]
    assert [row["email"] for row in sim.leads(campaign, filter="FILTER_VAL_NOT_CONTACTED")] == ["b@find.com"]
    assert len(sim.post("/leads/list", {"campaign": campaign, "distinct_contacts": True})["items"]) == 2


def test_fresh_leads_may_lag_in_lists(sim: Simulator) -> None:
    campaign = sim.campaign()
    sim.faults(list_lag={"seconds": 30})
    made = sim.add(campaign, "late@lag.com")["created_leads"][0]["id"]
    assert sim.leads(campaign) == []
    assert sim.get(f"/leads/{made}")["email"] == "late@lag.com"
    sim.clock(advance=31)
    assert [row["id"] for row in sim.leads(campaign)] == [made]


def test_a_change_reaches_the_payload(sim: Simulator) -> None:
    campaign = sim.campaign()
    sim.add(campaign, "change@here.com")
    lead = sim.lead(campaign, "change@here.com")["id"]
    shown = sim.patch(f"/leads/{lead}", {"company_name": "New", "custom_variables": {"x": "y"}, "email": "no@no.com"})
    assert (shown["company_name"], shown["payload"]["companyName"], shown["payload"]["x"]) == ("New", "New", "y")
    assert shown["email"] == "change@here.com"


def test_interest_shows_a_moment_later(sim: Simulator) -> None:
    campaign = sim.campaign()
    sim.add(campaign, "mood@here.com")
    sim.set(interest_delay=0.3)
    body = {"lead_email": "mood@here.com", "interest_value": 1, "campaign_id": campaign}
    answer = sim.ask("POST", "/leads/update-interest-status", body)
    assert (answer.status_code, "background job" in answer.json()["message"]) == (202, True)
    assert "lt_interest_status" not in sim.lead(campaign, "mood@here.com")
    wait_for(lambda: sim.lead(campaign, "mood@here.com").get("lt_interest_status") == 1)
    sim.set(interest_answer=200)
    assert sim.ask("POST", "/leads/update-interest-status", {**body, "interest_value": None}).status_code == 200
    unknown = sim.ask("POST", "/leads/update-interest-status", {"lead_email": "no@one.com", "interest_value": 1})
    assert (unknown.status_code, unknown.json()) == (400, {"error": "Invalid lead email"})


def test_moving_is_a_job_whose_failures_are_inside(sim: Simulator) -> None:
    campaign, list_id = sim.campaign(), sim.post("/lead-lists", {"name": "Pool"})["id"]
    sim.add(campaign, "move@me.com")
    lead = sim.lead(campaign, "move@me.com")["id"]
    job = sim.post("/leads/move", {"ids": [lead], "campaign": campaign, "to_list_id": list_id})
    assert (job["status"], job["progress"], job["user_id"]) == ("pending", 0, None)
    done = wait_for(lambda: finished(sim, job["id"]))
    assert (done["status"], done["data"]["moved_leads"], done["data"]["total_leads"]) == ("success", 1, 1)
    moved = sim.get(f"/leads/{lead}")
    assert (moved["list_id"], moved["status"], "campaign" in moved) == (list_id, 0, False)
    nothing = sim.post("/leads/move", {"ids": [lead], "campaign": campaign, "to_list_id": list_id})
    assert wait_for(lambda: finished(sim, nothing["id"]))["data"]["total_leads"] == 0


def finished(sim: Simulator, job: str) -> Any:
    found = sim.get(f"/background-jobs/{job}")
    return found if found["status"] != "pending" else None


def test_jobs_may_be_stuck_or_fail(sim: Simulator) -> None:
    sim.faults(stuck_jobs=True)
    job = sim.post("/accounts/warmup/enable", {"include_all_emails": True})["id"]
    sim.clock(advance=10)
    assert sim.get(f"/background-jobs/{job}")["status"] == "pending"
    sim.faults(failed_jobs=True)
    assert wait_for(lambda: finished(sim, job))["status"] == "failed"
    sim.faults()
    job = sim.post("/accounts/warmup/enable", {"emails": [sim.mailboxes()[0], "nobody@here.com"]})["id"]
    data = wait_for(lambda: finished(sim, job))["data"]
    assert (data["success_count"], data["failed_count"]) == (1, 1)
    assert sim.get(f"/accounts/{sim.mailboxes()[0]}")["warmup_status"] == 1
    assert sim.get("/background-jobs", type="update-warmup-accounts")["items"][0]["id"] == job


def test_deleting_without_ids_deletes_all(sim: Simulator) -> None:
    campaign = sim.campaign()
    sim.add(campaign, "a@del.com", "b@del.com", "c@del.com", "d@del.com")
    one = sim.lead(campaign, "a@del.com")["id"]
    assert sim.delete(f"/leads/{one}")["id"] == one
    assert sim.ask("GET", f"/leads/{one}").status_code == 404
    two = sim.lead(campaign, "b@del.com")["id"]
    assert sim.delete("/leads", {"campaign_id": campaign, "ids": [two]}) == {"count": 1}
    assert sim.delete("/leads", {"campaign_id": campaign, "idz": [two]}) == {"count": 2}
    assert sim.delete("/leads", {"campaign_id": campaign}) == {"count": 0}
    assert sim.ask("DELETE", "/leads", {}).status_code == 400


def test_two_leads_become_one(sim: Simulator) -> None:
    campaign = sim.campaign()
    source = sim.post("/leads", {"campaign": campaign, "email": "s@merge.com", "phone": "1", "first_name": "Sam"})
    target = sim.post("/leads", {"campaign": campaign, "email": "t@merge.com"})
    merged = sim.post("/leads/merge", {"lead_id": source["id"], "destination_lead_id": target["id"]})
    assert (merged["id"], merged["phone"], merged["first_name"]) == (target["id"], "1", "Sam")
    assert sim.ask("GET", f"/leads/{source['id']}").status_code == 404


def test_a_lost_answer_has_done_its_work_and_a_refusal_has_not(sim: Simulator) -> None:
    campaign = sim.campaign()
    sim.faults(lost_response={"paths": ["/leads/add"]})
    with pytest.raises(httpx.RemoteProtocolError):
        sim.add(campaign, "lost@here.com")
    for name, status in (("server_error", 500), ("rate_limited", 429), ("payment_required", 402), ("bad_gateway", 502)):
        sim.faults(**{name: True})
        body = {"campaign_id": campaign, "leads": [{"email": f"{name}@here.com"}]}
        assert sim.ask("POST", "/leads/add", body).status_code == status
    sim.faults()
    assert [row["email"] for row in sim.leads(campaign)] == ["lost@here.com"]
    lines = effects(sim, campaign)
    assert lines[0] == ("lost@here.com", "added", False)
    assert {effect for _, effect, _ in lines[1:]} == {"none"}


def test_the_edge_shuts_some_agents_out(sim: Simulator) -> None:
    answer = sim.client.get("/api/v2/campaigns", headers={"User-Agent": "Python-urllib/3.11"})
    assert (answer.status_code, "1010" in answer.text) == (403, True)
    sim.faults(plain_user_agents=True)
    agents = ("python-httpx/0.28", "Mozilla/5.0")
    codes = [sim.client.get("/api/v2/campaigns", headers={"User-Agent": agent}).status_code for agent in agents]
    assert codes == [403, 401]


def test_labels_lists_tags_and_the_block_list(sim: Simulator) -> None:
    label = sim.post("/lead-labels", {"label": "Send pricing", "interest_status_label": "positive"})
    assert label["interest_status"] > 4
    assert sim.patch(f"/lead-labels/{label['id']}", {"label": "Pricing"})["label"] == "Pricing"
    assert sim.get("/lead-labels")["items"][0]["id"] == label["id"]
    assert sim.delete(f"/lead-labels/{label['id']}", {"reassigned_status": 1})["id"] == label["id"]
    pool = sim.post("/lead-lists", {"name": "P"})["id"]
    sim.post("/leads", {"list_id": pool, "first_name": "Only"})
    assert sim.get(f"/lead-lists/{pool}/verification-stats")["total_leads"] == 1
    assert sim.delete(f"/lead-lists/{pool}")["id"] == pool
    tag = sim.post("/custom-tags", {"label": " EU "})
    assert (tag["label"], sim.ask("POST", "/custom-tags", {"label": "EU"}).status_code) == ("EU", 409)
    box = sim.mailboxes()[0]
    sim.post(
        "/custom-tags/toggle-resource",
        {"tag_ids": [tag["id"]], "resource_type": 1, "assign": True, "resource_ids": [box]},
    )
    assert [row["email"] for row in sim.get("/accounts", tag_ids=tag["id"])["items"]] == [box]
    assert sim.get("/custom-tag-mappings", resource_ids=box)["items"][0]["tag_id"] == tag["id"]
    sim.delete(f"/custom-tags/{tag['id']}")
    made = sim.post("/block-lists-entries/bulk-create", {"bl_values": ["x@y.com", "z.org", "???"]})
    assert (made["valid_count"], made["invalid_count"]) == (2, 1)
    assert sim.ask("GET", "/block-lists-entries/download").text.splitlines()[0] == "Blocked Email,Date"
    assert len(sim.delete("/block-lists-entries")) == 2
