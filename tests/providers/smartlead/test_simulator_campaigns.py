"""Campaigns in the simulator: settings, schedule, sequence, mailboxes, starting and stopping."""

from typing import Any

import pytest

from tests.providers.smartlead.simulator_fixture import SCHEDULE, Simulator, running, sim, step

__all__ = ["running", "sim"]


def message(sim: Simulator, path: str, body: Any) -> str:
    answer = sim.ask("POST", path, body)
    assert answer.status_code == 400, answer.text
    return answer.json().get("message") or answer.json()["error"]


def test_a_fresh_campaign_has_the_recorded_defaults(sim: Simulator) -> None:
    created = sim.post("/campaigns/create", {})
    assert created["ok"] is True
    assert created["name"] == "Untitled Campaign"
    campaign = sim.get(f"/campaigns/{created['id']}")
    assert campaign["status"] == "DRAFTED"
    assert campaign["scheduler_cron_value"] is None
    assert campaign["min_time_btwn_emails"] == 20
    assert "tags" not in campaign
    assert sim.get(f"/campaigns/{created['id']}", include_tags="true")["tags"] == []


def test_campaigns_are_listed_newest_first(sim: Simulator) -> None:
    first, second = sim.campaign("one"), sim.campaign("two")
    ids = [row["id"] for row in sim.get("/campaigns")]
    assert ids.index(second) < ids.index(first)
    assert sim.get("/campaigns", client_id="77") == []


def test_a_missing_campaign_reads_empty_and_deletes_404(sim: Simulator) -> None:
    read = sim.ask("GET", "/campaigns/1")
    assert (read.status_code, read.content) == (200, b"")
    gone = sim.ask("DELETE", "/campaigns/1")
    expected = {"error": "Campaign not found - Invalid campaign_id."}
    assert (gone.status_code, gone.json()) == (404, expected)
    assert sim.ask("POST", "/campaigns/1/status", {"status": "START"}).status_code == 404
    assert sim.ask("GET", "/campaigns/1/analytics").content == b""


def test_a_deleted_campaign_is_gone(sim: Simulator) -> None:
    campaign = sim.ready_campaign("deleted@here.com")
    assert sim.delete(f"/campaigns/{campaign}") == {"ok": True}
    assert sim.ask("GET", f"/campaigns/{campaign}").content == b""
    assert sim.get("/leads", email="deleted@here.com")["lead_campaign_data"] == []


def test_starting_needs_all_parts(sim: Simulator) -> None:
    campaign = sim.campaign()
    path = f"/campaigns/{campaign}"
    start = {"status": "START"}
    assert "sequence" in message(sim, f"{path}/status", start)
    sim.post(f"{path}/sequences", {"sequences": [step(1)]})
    assert "email account" in message(sim, f"{path}/status", start)
    sim.post(f"{path}/email-accounts", {"email_account_ids": [sim.get("/email-accounts")[0]["id"]]})
    assert "lead" in message(sim, f"{path}/status", start)
    sim.add(campaign, "start@here.com")
    assert "schedule" in message(sim, f"{path}/status", start)
    sim.post(f"{path}/schedule", SCHEDULE)
    sim.start_campaign(campaign)
    assert sim.get(path)["status"] == "ACTIVE"


def test_status_words_differ_between_writing_and_reading(sim: Simulator) -> None:
    campaign = sim.ready_campaign("status@here.com")
    path = f"/campaigns/{campaign}/status"
    allowed = "Invalid value for status. Allowed values are - START,STOPPED,PAUSED"
    assert message(sim, path, {"status": "ACTIVE"}) == allowed
    sim.start_campaign(campaign)
    for word in ("PAUSED", "STOPPED"):
        sim.post(path, {"status": word})
        assert sim.get(f"/campaigns/{campaign}")["status"] == word


def test_a_schedule_is_flat_and_reads_back_under_other_names(sim: Simulator) -> None:
    path = f"/campaigns/{sim.campaign()}"
    assert sim.post(f"{path}/schedule", SCHEDULE) == {"ok": True}
    read = sim.get(path)
    hours = {"startHour": "09:00", "endHour": "17:00"}
    assert read["scheduler_cron_value"] == {"tz": "America/Los_Angeles", "days": [1, 2, 3, 4, 5], **hours}
    assert (read["min_time_btwn_emails"], read["max_leads_per_day"]) == (10, 20)
    nested = {"schedule": SCHEDULE}
    assert message(sim, f"{path}/schedule", nested) == '"timezone" is required'


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"min_time_btw_emails": 2}, '"min_time_btw_emails" must be larger than or equal to 3'),
        ({"client_id": 1}, '"client_id" is not allowed'),
        ({"timezone": "Mars/Olympus"}, "Invalid timezone - Mars/Olympus"),
        ({"start_hour": "25:00"}, "Invalid start_hour - 25:00"),
        ({"end_hour": "x"}, "Invalid end_hour - x"),
        ({"start_hour": "18:00"}, "startHour cannot be greater that endHour"),
        ({"days_of_the_week": [9]}, '"days_of_the_week[0]" must be less than or equal to 7'),
    ],
)
def test_a_bad_schedule_is_refused(sim: Simulator, change: dict[str, Any], complaint: str) -> None:
    path = f"/campaigns/{sim.campaign()}"
    assert message(sim, f"{path}/schedule", {**SCHEDULE, **change}) == complaint
    assert sim.get(path)["scheduler_cron_value"] is None


def test_required_schedule_keys_are_named_one_by_one(sim: Simulator) -> None:
    path, body, missing = f"/campaigns/{sim.campaign()}/schedule", {}, []
    for _ in range(3):
        missing.append(message(sim, path, body).split('"')[1])
        body[missing[-1]] = SCHEDULE[missing[-1]]
    assert missing == ["timezone", "days_of_the_week", "start_hour"]


def test_tracking_words_differ_between_writing_and_reading(sim: Simulator) -> None:
    path = f"/campaigns/{sim.campaign()}"
    sim.post(f"{path}/settings", {"track_settings": ["DONT_TRACK_EMAIL_OPEN"], "name": "Renamed"})
    assert sim.get(path)["track_settings"] == ["DONT_EMAIL_OPEN"]
    assert sim.get(path)["name"] == "Renamed"
    refusal = message(sim, f"{path}/settings", {"track_settings": ["DONT_EMAIL_OPEN"]})
    assert refusal == "Invalid track_settings value - DONT_EMAIL_OPEN"
    refusal = message(sim, f"{path}/settings", {"stop_lead_settings": "NEVER"})
    assert refusal == "Invalid stop_lead_settings value - NEVER"
    assert message(sim, f"{path}/settings", {"ai_esp_matching": True}) == '"ai_esp_matching" is not allowed'


def test_what_a_sequence_reads_cannot_be_written(sim: Simulator) -> None:
    path = f"/campaigns/{sim.campaign()}/sequences"
    saved = sim.post(path, {"sequences": [step(1), step(2)]})
    assert [row["seqNumber"] for row in saved["data"]["sequences"]] == [1, 2]
    read = sim.get(path)
    assert read[1]["seq_delay_details"] == {"delayInDays": 3}
    assert read[1]["sequence_variants"] is None
    delay = '"sequences[0].seq_delay_details.delay_in_days" is required'
    assert message(sim, path, {"sequences": read}).startswith('"sequences[0]')
    camel = step(1, seq_delay_details={"delayInDays": 1})
    assert message(sim, path, {"sequences": [camel]}) == delay


def test_a_sequence_save_replaces_everything_and_keeps_the_ids_sent_back(sim: Simulator) -> None:
    path = f"/campaigns/{sim.campaign()}/sequences"
    variants = [{"subject": word, "email_body": word, "variant_label": word} for word in ("A", "B")]
    sim.post(path, {"sequences": [step(1), step(2, seq_variants=variants)]})
    first, second = sim.get(path)
    labels = [variant["variant_label"] for variant in second["sequence_variants"]]
    assert labels == ["A", "B"]
    sim.post(path, {"sequences": [step(1, id=first["id"], subject="New"), step(2)]})
    kept, fresh = sim.get(path)
    assert (kept["id"], kept["subject"]) == (first["id"], "New")
    assert fresh["id"] != second["id"]
    sim.post(path, {"sequences": []})
    assert sim.get(path) == []


def test_wiping_a_sequence_wipes_its_statistics(sim: Simulator) -> None:
    campaign = sim.ready_campaign("wiped@here.com")
    sim.play(campaign, "wiped@here.com", "sent")
    assert sim.get(f"/campaigns/{campaign}/analytics")["sent_count"] == "1"
    sim.post(f"/campaigns/{campaign}/sequences", {"sequences": []})
    assert sim.get(f"/campaigns/{campaign}/analytics")["sent_count"] == "0"
    assert sim.get(f"/campaigns/{campaign}/statistics")["data"] == []


def test_a_sequence_cannot_be_saved_while_active(sim: Simulator) -> None:
    campaign = sim.ready_campaign("active@here.com")
    sim.start_campaign(campaign)
    path = f"/campaigns/{campaign}"
    assert "active" in message(sim, f"{path}/sequences", {"sequences": [step(1)]})
    sim.post(f"{path}/status", {"status": "PAUSED"})
    assert sim.post(f"{path}/sequences", {"sequences": [step(1)]})["ok"] is True


def test_a_copy_takes_the_sequence_but_not_the_leads(sim: Simulator) -> None:
    campaign = sim.ready_campaign("copied@here.com", steps=2)
    copy = sim.post(f"/campaigns/{campaign}/duplicate", {})["newCampaignId"]
    read = sim.get(f"/campaigns/{copy}")
    assert (read["name"], read["status"]) == ("Q3 - copy", "DRAFTED")
    assert len(sim.get(f"/campaigns/{copy}/sequences")) == 2
    assert sim.get(f"/campaigns/{copy}/leads")["total_leads"] == "0"


def test_mailboxes_are_attached_and_detached(sim: Simulator) -> None:
    path = f"/campaigns/{sim.campaign()}/email-accounts"
    ids = [row["id"] for row in sim.get("/email-accounts")]
    attached = sim.post(path, {"email_account_ids": ids})
    assert [row["email_account_id"] for row in attached["result"]] == ids
    assert [row["id"] for row in sim.get(path)] == ids
    assert sim.delete(path, {"email_account_ids": ids[:1]}) == {"ok": True, "result": 1}
    assert [row["id"] for row in sim.get(path)] == ids[1:]
    foreign = sim.ask("POST", path, {"email_account_ids": [1]})
    assert foreign.json() == {"error": "Email account id - 1 not allowed. Permission Error."}
    assert message(sim, path, {"email_account_id": ids[0]}) == '"email_account_ids" is required'


def test_a_mailbox_is_written_and_read_under_other_names(sim: Simulator) -> None:
    mailbox = sim.get("/email-accounts", limit=1, offset=1)[0]
    assert mailbox["type"] == "GMAIL"
    path = f"/email-accounts/{mailbox['id']}"
    sim.post(path, {"max_email_per_day": 7, "time_to_wait_in_mins": 4, "bcc": "b@x.com"})
    read = sim.get(f"{path}/")
    assert (read["message_per_day"], read["minTimeToWaitInMins"], read["bcc_email"]) == (7, 4, "b@x.com")
    assert isinstance(read["warmup_details"]["warmup_reputation"], int)
    stats = sim.get(f"{path}/warmup-stats")
    assert isinstance(stats["sent_count"], str)
    assert isinstance(stats["stats_by_date"][0]["sent_count"], int)
    missing = sim.ask("GET", "/email-accounts/1")
    assert (missing.status_code, missing.json()["errorCode"]) == (404, "ACCOUNT_NOT_FOUND")


def test_mailboxes_are_filtered(sim: Simulator) -> None:
    assert [row["type"] for row in sim.get("/email-accounts", esp="OUTLOOK")] == ["OUTLOOK"]
    assert len(sim.get("/email-accounts", emailWarmupStatus="ACTIVE")) == 2
    assert "campaign_ids" in sim.get("/email-accounts", fetch_campaigns="true")[0]
    assert sim.ask("GET", "/email-accounts", limit=101).status_code == 400
