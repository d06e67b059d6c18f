"""Campaigns, mailboxes and subsequences."""

from collections.abc import Callable

import pytest

from tests.providers.instantly.simulator_fixture import (
    OTHER_KEY,
    SCHEDULE,
    Simulator,
    own,
    running,
    sim,
    step,
    wait_for,
)

__all__ = ["own", "running", "sim"]


def test_a_fresh_campaign_is_a_sparse_draft(sim: Simulator) -> None:
    made = sim.post("/campaigns", {"name": "Test", "campaign_schedule": SCHEDULE, "daily_limit": None})
    assert set(made) == {
        *("id", "name", "status", "campaign_schedule", "timestamp_created", "timestamp_updated"),
        *("open_tracking", "organization"),
    }
    assert (made["status"], made["campaign_schedule"]) == (0, SCHEDULE)


def test_steps_come_back_with_units_and_clean_bodies(sim: Simulator) -> None:
    variants = [{"subject": "Hi", "body": "bare<div style='a:b'>one<br>two&nbsp;three</div>-- bare"}]
    made = sim.get(f"/campaigns/{sim.campaign({'type': 'email', 'delay': 1, 'variants': variants})}")
    shown = made["sequences"][0]["steps"][0]
    assert (shown["delay_unit"], shown["pre_delay_unit"]) == ("days", "days")
    assert shown["variants"][0]["body"] == '<div style="a:b">one<br />two three</div>'


def test_lists_are_replaced_as_a_whole(sim: Simulator) -> None:
    campaign = sim.campaign()
    box = sim.mailboxes()[0]
    assert sim.patch(f"/campaigns/{campaign}", {"email_list": [box]})["email_list"] == [box]
    refused = sim.ask("PATCH", f"/campaigns/{campaign}", {"email_list": ["nobody@here.com"]})
    assert refused.status_code == 400
    assert sim.get(f"/campaigns/{campaign}")["email_list"] == [box]


def test_a_campaign_without_senders_starts_and_falls_ill(sim: Simulator) -> None:
    campaign = sim.campaign(senders=False)
    assert sim.post(f"/campaigns/{campaign}/activate")["status"] == 1
    ill = wait_for(lambda: (one := sim.get(f"/campaigns/{campaign}"))["status"] == -1 and one)
    assert ill["not_sending_status"] == 99
    shown = sim.get(f"/campaigns/{campaign}/sending-status")
    assert (shown["diagnostics"], shown["summary"]["status"]) == (None, "campaign_accounts_unhealthy")
    sim.patch(f"/campaigns/{campaign}", {"email_list": sim.mailboxes()})
    assert "not_sending_status" not in sim.post(f"/campaigns/{campaign}/activate")


def test_start_pause_copy_share_and_delete(sim: Simulator) -> None:
    campaign = sim.campaign()
    sim.post(f"/campaigns/{campaign}/activate")
    assert sim.post(f"/campaigns/{campaign}/pause")["status"] == 2
    assert sim.get("/campaigns/count-launched")["count"] >= 1
    assert sim.post(f"/campaigns/{campaign}/variables", {"variables": ["a"]})["custom_variables"] == {"a": True}
    copy = sim.post(f"/campaigns/{campaign}/duplicate")
    assert (copy["name"], copy["status"], "custom_variables" in copy) == ("Q3 (copy)", 0, False)
    assert sim.ask("POST", f"/campaigns/{campaign}/duplicate", {"name": " "}).status_code == 400
    assert sim.ask("POST", f"/campaigns/{campaign}/from-export", key=OTHER_KEY).status_code == 403
    shared = sim.ask("POST", f"/campaigns/{campaign}/share")
    assert (shared.status_code, shared.content) == (204, b"")
    assert sim.ask("POST", f"/campaigns/{campaign}/from-export", key=OTHER_KEY).json()["id"] != campaign
    assert sim.post(f"/campaigns/{campaign}/export")["id"] == campaign
    assert sim.delete(f"/campaigns/{campaign}")["id"] == campaign
    assert sim.ask("GET", f"/campaigns/{campaign}").status_code == 404


def test_campaigns_are_found_by_name_state_and_tag(sim: Simulator) -> None:
    campaign = sim.campaign(name="Needle")
    tag = sim.post("/custom-tags", {"label": "For needles"})["id"]
    toggle = {"tag_ids": [tag], "resource_type": 2, "assign": True, "resource_ids": [campaign]}
    assert sim.post("/custom-tags/toggle-resource", toggle) == {"success": True}
    for query in ({"search": "need"}, {"tag_ids": tag}, {"search": "need", "status": 0}):
        assert [row["id"] for row in sim.get("/campaigns", **query)["items"]] == [campaign]
    assert sim.get("/campaigns", search="need", exclude_status=0) == {"items": []}


def test_mailboxes_are_kept_by_address(sim: Simulator) -> None:
    credentials = dict.fromkeys(
        ("imap_username", "imap_password", "imap_host", "smtp_username", "smtp_password", "smtp_host"), "x"
    )
    body = {"email": "New@Box.com", "first_name": "N", "last_name": "B", "provider_code": 1, **credentials}
    made = sim.post("/accounts", {**body, "imap_port": 993, "smtp_port": 465, "warmup": {"limit": 5}})
    assert (made["email"], made["status"], "imap_password" in made, "id" in made) == ("new@box.com", 1, False, False)
    assert sim.post("/accounts/new%40box.com/pause")["status"] == 2
    assert sim.post("/accounts/new@box.com/mark-fixed")["status"] == 1
    paused = sim.post("/accounts/pause", {"emails": ["new@box.com", "no@box.com"]})
    assert paused == {"paused_emails": ["new@box.com"], "failed_emails": ["no@box.com"]}
    assert sim.get("/accounts", status=2)["items"][0]["email"] == "new@box.com"
    shown = sim.patch("/accounts/new@box.com", {"daily_limit": 9, "signature": "x"})
    assert (shown["daily_limit"], shown["warmup"]) == (9, {"limit": 5})
    assert sim.delete("/accounts/new@box.com")["email"] == "new@box.com"
    assert sim.ask("GET", "/accounts/new@box.com").status_code == 404


def test_mailboxes_page_by_time_and_address(own: Callable[..., Simulator]) -> None:
    sim = own()
    first = sim.get("/accounts", limit=2)
    assert "&" in first["next_starting_after"]
    rest = sim.get("/accounts", limit=2, starting_after=first["next_starting_after"])
    assert [len(page["items"]) for page in (first, rest)] == [2, 1]
    assert sim.get("/accounts", sort_by="email", sort_order="asc", skip=1)["items"][0]["email"] == sim.mailboxes()[1]


def test_what_mailboxes_can_do(sim: Simulator) -> None:
    box = sim.mailboxes()[1]
    campaign = sim.campaign(email_list=[box])
    assert campaign in [row["campaign_id"] for row in sim.get(f"/account-campaign-mappings/{box}", limit=100)["items"]]
    assert sim.post("/accounts/warmup-analytics", {"emails": ["no@one.com"]}) == {
        "email_date_data": {},
        "aggregate_data": {},
    }
    assert sim.post("/accounts/test/vitals", {"accounts": [box]})["success_list"][0]["allPass"] is True
    assert sim.ask("POST", "/accounts/test/vitals", {"accounts": []}).json() == {
        "error": "Bad request - no emails sent"
    }
    assert sim.get("/accounts/ctd/status", host="x.com") == {"ssl": False, "cname": False, "host": "x.com"}
    assert sim.post("/email-verification", {"email": "a@b.com"})["email"] == "a@b.com"


def test_a_subsequence_takes_over_who_meets_its_condition(sim: Simulator) -> None:
    campaign = sim.campaign()
    body = {
        "parent_campaign": campaign,
        "name": "Interested",
        "conditions": {"crm_status": [1]},
        "sequences": [{"steps": [{**step(9), "pre_delay": 1}]}],
    }
    made = sim.post("/subsequences", body)
    assert (made["status"], made["subsequence_schedule"]) == (1, SCHEDULE)
    sim.add(campaign, "keen@sub.com")
    sim.play(campaign, "keen@sub.com", "sent")
    sim.play(campaign, "keen@sub.com", "interest", value=1)
    lead = sim.lead(campaign, "keen@sub.com")
    assert (lead["subsequence_id"], "timestamp_added_subsequence" in lead) == (made["id"], True)
    sim.post(f"/campaigns/{campaign}/activate")
    assert sim.post(f"/subsequences/{made['id']}/pause")["status"] == 2
    assert sim.post(f"/subsequences/{made['id']}/resume")["status"] == 1
    sim.set(autoplay=True, pace_ms=0)
    wait_for(lambda: sim.get(f"/campaigns/{campaign}")["status"] == 4)
    sim.clock(advance=86_401)
    wait_for(lambda: sim.get("/subsequences/analytics", campaign_id=campaign)[0]["emails_sent"] == 1)
    steps = sim.get(f"/subsequences/{made['id']}/analytics/steps")
    assert [(row["step"], row["variant"], row["sent"]) for row in steps] == [("0", "0", 1)]
    assert sim.post("/leads/subsequence/remove", {"id": lead["id"]})["status"] == 3
    copy = sim.post(f"/subsequences/{made['id']}/duplicate", {"parent_campaign": campaign})
    assert sim.get("/subsequences", parent_campaign=campaign, search="copy")["items"][0]["id"] == copy["id"]
    assert sim.get(f"/subsequences/{made['id']}/sending-status")["summary"]["status"]
    assert sim.delete(f"/subsequences/{copy['id']}")["id"] == copy["id"]


@pytest.mark.parametrize("value", [{"start_date": "2026-02-02", "end_date": "2026-01-01"}])
def test_dates_the_wrong_way_round_are_refused(sim: Simulator, value: dict[str, str]) -> None:
    for path in ("", "/overview", "/daily", "/steps"):
        answer = sim.ask("GET", f"/campaigns/analytics{path}", **value)
        assert (answer.status_code, answer.json()) == (400, {"message": "Start Date must be earlier than End Date"})
