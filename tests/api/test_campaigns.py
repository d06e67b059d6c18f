"""A campaign from its draft to its figures: defaults, changes, the sequence, the senders, starting and pausing."""

from typing import Any

import pytest

from tests.api.answers import faults, pointers, problem, without_autoplay
from tests.engine import STEPS, Company, Engine, add_leads, addresses, draft, start, wait_for, wait_synced

SCHEDULE = {
    "timezone": "UTC", "days": [1, 2, 3, 4, 5], "start": "09:00", "end": "17:00", "minutes_between_sends": 10,
    "max_new_leads_per_day": 100,
}  # fmt: skip


@pytest.fixture(scope="module")
def company(engine: Engine) -> Company:
    return engine.new_organization().connected_company()


def create(company: Company, **body: Any) -> dict[str, Any]:
    answer = company.api.post("/v1/campaigns", json={"name": "Autumn", "capability": "email_outreach", **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


def sequence(company: Company, campaign: str, *steps: dict[str, Any]) -> list[dict[str, Any]]:
    """Put a sequence and return it, having checked that it reads back the same."""
    full = [{"type": "email", "delay_days": 0, "subject": "Hello", "body": "<p>Hi</p>", **step} for step in steps]
    answer = company.api.put(f"/v1/campaigns/{campaign}/sequence", json={"steps": full})
    assert answer.status_code == 200, answer.text
    assert company.api.get(f"/v1/campaigns/{campaign}/sequence").json() == answer.json()
    return answer.json()["steps"]


def test_a_new_campaign_is_a_draft_with_the_usual_schedule(company: Company) -> None:
    made = create(company, name="  Autumn outreach ")
    assert made["name"] == "Autumn outreach"
    assert (made["status"], made["started_at"], made["company_id"]) == ("draft", None, company.id)
    assert made["sync"] == {"state": "pending", "reason": None}
    assert made["schedule"] == SCHEDULE
    assert company.api.get(f"/v1/campaigns/{made['id']}").json() == made
    assert company.api.get(f"/v1/campaigns/{made['id']}/sequence").json() == {"steps": []}
    assert company.api.get(f"/v1/campaigns/{made['id']}/senders").json() == {"sender_ids": []}


def test_a_schedule_that_is_given_in_part_is_filled_up(company: Company) -> None:
    given = {"timezone": "Europe/Lisbon", "days": [7, 1, 1], "end": "23:59"}
    assert create(company, schedule=given)["schedule"] == {
        **SCHEDULE, "timezone": "Europe/Lisbon", "days": [1, 7], "end": "23:59"
    }  # fmt: skip


def test_a_change_changes_what_it_names_and_leaves_the_rest(company: Company) -> None:
    made = create(company, schedule={"timezone": "Europe/Lisbon", "days": [2], "max_new_leads_per_day": 7})
    path = f"/v1/campaigns/{made['id']}"
    renamed = company.api.patch(path, json={"name": "Winter"}).raise_for_status().json()
    assert renamed == {**made, "name": "Winter", "updated_at": renamed["updated_at"]}
    assert company.api.patch(path, json={}).raise_for_status().json()["name"] == "Winter"
    whole = {**SCHEDULE, "start": "10:30"}
    changed = company.api.patch(path, json={"schedule": whole}).raise_for_status().json()
    assert changed["schedule"] == whole


def test_a_change_of_one_part_of_the_schedule_leaves_its_other_parts(company: Company) -> None:
    made = create(company, schedule={"timezone": "Europe/Lisbon", "days": [2], "start": "08:00", "end": "10:00"})
    path = f"/v1/campaigns/{made['id']}"
    changed = company.api.patch(path, json={"schedule": {"max_new_leads_per_day": 7}}).raise_for_status().json()
    assert changed["schedule"] == {**made["schedule"], "max_new_leads_per_day": 7}
    problem(company.api.patch(path, json={"schedule": {"start": "11:00"}}), 422, "invalid_request")


def test_a_step_keeps_its_id_as_long_as_its_position_lasts(company: Company) -> None:
    campaign = create(company)["id"]
    first = sequence(company, campaign, {}, {"delay_days": 3, "subject": ""}, {"delay_days": 365})
    assert [step["position"] for step in first] == [1, 2, 3]
    assert [step["delay_days"] for step in first] == [0, 3, 365]
    shorter = sequence(company, campaign, {"subject": "Other"}, {})
    assert [step["id"] for step in shorter] == [step["id"] for step in first[:2]]
    assert shorter[0]["subject"] == "Other"
    longer = sequence(company, campaign, {}, {}, {})
    assert [step["id"] for step in longer[:2]] == [step["id"] for step in first[:2]]
    assert longer[2]["id"] != first[2]["id"]


@pytest.mark.parametrize(
    ("given", "kind", "kept"),
    [
        ("Hi {{first_name}}", "text", "Hi {{first_name}}"),
        ("Hi,\n\nwrite to <lea@plain.example>\n\nLea", "text", "Hi,\n\nwrite to <lea@plain.example>\n\nLea"),
        ("1 < 2 & 3 > 2", "text", "1 < 2 & 3 > 2"),
        ("<p>As it is &amp; stays</p>\n\n", "html", "<p>As it is &amp; stays</p>\n\n"),
        ("<p onclick='x()'>Hi<script>x()</script></p>", "html", "<p>Hi</p>"),
        ("<html><body>Hello &amp; bye</body></html>", "html", "Hello &amp; bye"),
        ("{{ custom.city }} 日本 🦊", "text", "{{ custom.city }} 日本 🦊"),
    ],
)
def test_a_body_stays_as_it_is_and_its_format_is_seen(given: str, kind: str, kept: str, company: Company) -> None:
    (step,) = sequence(company, create(company)["id"], {"body": given})
    assert (step["format"], step["body"]) == (kind, kept)
    (chosen,) = sequence(company, create(company)["id"], {"body": given, "format": "text"})
    assert (chosen["format"], chosen["body"]) == ("text", given)


def test_the_senders_are_exactly_those_that_were_put_last(company: Company) -> None:
    campaign = create(company)["id"]
    path = f"/v1/campaigns/{campaign}/senders"
    ids = sorted(row["id"] for row in company.api.get("/v1/senders").json()["data"])
    assert len(ids) > 1
    for wanted in (ids, ids[:1], [*ids[1:], *ids[1:]]):
        answer = company.api.put(path, json={"sender_ids": wanted})
        assert answer.json() == {"sender_ids": sorted(set(wanted))}, answer.text
        assert company.api.get(path).json() == answer.json()


def test_starting_and_pausing_again_change_nothing_and_a_paused_campaign_goes_on(
    company: Company, engine: Engine
) -> None:
    with without_autoplay(engine):
        campaign = draft(company, leads=3)
        path = f"/v1/campaigns/{campaign}"
        problem(company.api.post(f"{path}/pause"), 409, "campaign_not_started")
        first = company.api.post(f"{path}/start")
        again = company.api.post(f"{path}/start")
        assert (first.status_code, again.status_code) == (202, 202)
        assert first.json()["status"] == again.json()["status"] == "active"
        assert first.json()["started_at"] == again.json()["started_at"] is not None
        wait_synced(company, campaign)
        for _ in range(2):
            assert company.api.post(f"{path}/pause").json()["status"] == "paused"
        wait_synced(company, campaign)
        start(company, campaign)
        assert company.api.get(path).json()["started_at"] == first.json()["started_at"]
        events = company.api.get("/v1/events", params={"campaign_id": campaign}).json()["data"]
        assert [event["type"] for event in events] == ["campaign.started", "campaign.paused", "campaign.started"]


def test_a_start_lists_exactly_what_is_missing(engine: Engine) -> None:
    company = engine.new_organization().new_company()
    campaign = create(company)["id"]
    path = f"/v1/campaigns/{campaign}"

    def missing() -> list[tuple[str, str]]:
        return pointers(problem(company.api.post(f"{path}/start"), 409, "campaign_not_ready"))

    needs = [
        ("/sequence", "sequence_missing"), ("/senders", "senders_missing"), ("/leads", "leads_missing"),
        ("/capability", "capability_not_connected"),
    ]  # fmt: skip
    assert missing() == needs
    sequence(company, campaign, {})
    assert missing() == needs[1:]
    add_leads(company, campaign, addresses(1))
    assert missing() == [needs[1], needs[3]]
    company.api.patch(path, json={"name": "Still a draft"}).raise_for_status()
    assert company.api.get(path).json()["status"] == "draft"


def test_a_campaign_whose_only_lead_is_suppressed_has_no_leads(company: Company) -> None:
    campaign = draft(company)
    email = addresses(1)[0]
    add_leads(company, campaign, [email])
    company.api.post("/v1/suppressions", json={"email": email}).raise_for_status()
    path = f"/v1/campaigns/{campaign}/leads"
    wait_for("the mark", lambda: company.api.get(path).json()["data"][0]["push"]["state"] == "suppressed")
    document = problem(company.api.post(f"/v1/campaigns/{campaign}/start"), 409, "campaign_not_ready")
    assert pointers(document) == [("/leads", "leads_missing")]


def test_the_sequence_of_an_active_campaign_is_changed_after_a_pause(company: Company, engine: Engine) -> None:
    with without_autoplay(engine):
        campaign = draft(company, leads=1)
        start(company, campaign)
        path = f"/v1/campaigns/{campaign}"
        problem(company.api.put(f"{path}/sequence", json={"steps": STEPS}), 409, "campaign_active")
        company.api.post(f"{path}/pause").raise_for_status()
        sequence(company, campaign, {"subject": "Changed"})
        start(company, campaign)
        with engine.control as control:
            subjects = [
                [step["subject"] for step in row["sequence"]]
                for row in control.get("/campaigns").json()
                if campaign.replace("-", "") in row["name"]
            ]
        assert subjects == [["Changed"]]


def test_the_figures_count_what_happened(company: Company, engine: Engine) -> None:
    with without_autoplay(engine), engine.control as control:
        campaign = draft(company)
        emails = addresses(6)
        add_leads(company, campaign, emails)
        start(company, campaign)
        theirs = next(r["id"] for r in control.get("/campaigns").json() if campaign.replace("-", "") in r["name"])
        happenings = ["sent", "open", "click", "reply", "bounce", "unsubscribed"]
        for email, event in zip(emails, happenings, strict=True):
            body = {"campaign_id": theirs, "email": email, "event": event}
            control.post("/play", json=body).raise_for_status()

        def stats() -> dict[str, Any]:
            return company.api.get(f"/v1/campaigns/{campaign}/stats").raise_for_status().json()

        # Who unsubscribes was sent nothing first: five of six were.
        wait_for("all told", lambda: stats()["messages"]["sent"] == 5 and stats()["unsubscribed"] == 1)
        wait_for("the rest", lambda: all(stats()["messages"].values()))
        figures = stats()
        assert figures["campaign_id"] == campaign
        assert figures["messages"] == {"sent": 5, "opened": 1, "clicked": 1, "replied": 1, "bounced": 1}
        assert figures["unsubscribed"] == 1
        assert figures["leads"]["total"] == figures["leads"]["pushed"] == 6


def test_a_provider_that_fails_for_a_while_leaves_the_campaign_pending_and_then_it_goes_on(
    company: Company, engine: Engine
) -> None:
    campaign = draft(company, leads=3)
    with faults(engine, server_error=True):
        company.api.post(f"/v1/campaigns/{campaign}/start").raise_for_status()
        with engine.control as control:
            wait_for("a fault that struck", lambda: sum(control.get("/faults/hits").json().values()))
        assert company.api.get(f"/v1/campaigns/{campaign}").json()["sync"] == {"state": "pending", "reason": None}
    wait_synced(company, campaign)


def test_a_partner_creates_a_campaign_for_the_company_it_names(engine: Engine) -> None:
    organization = engine.new_organization()
    company = organization.new_company()
    body = {"name": "By the partner", "capability": "email_outreach"}
    problem(organization.api.post("/v1/campaigns", json=body), 422, "company_id_required")
    made = organization.api.post("/v1/campaigns", json={**body, "company_id": company.id}).raise_for_status().json()
    assert company.api.get(f"/v1/campaigns/{made['id']}").json() == made
    assert organization.api.get(f"/v1/campaigns/{made['id']}").json() == made
