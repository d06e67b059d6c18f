"""Campaigns and their people, thrown away, archived, made anew and taken out."""

from typing import Any

import pytest

from tests.api.answers import problem, random_id, without_autoplay
from tests.engine import Company, Engine, add_leads, addresses, draft, start, wait_for
from tests.jobs.provider_state import people_at_provider, play, wait_status


@pytest.fixture(scope="module")
def company(engine: Engine) -> Company:
    return engine.new_organization().connected_company()


def lead_of(company: Company, campaign: str, email: str) -> dict[str, Any]:
    rows = company.api.get(f"/v1/campaigns/{campaign}/leads").raise_for_status().json()["data"]
    return next(row for row in rows if row["email"] == email)


def test_a_draft_is_thrown_away_and_is_in_no_answer(company: Company) -> None:
    campaign = draft(company, leads=2)
    path = f"/v1/campaigns/{campaign}"
    assert company.api.delete(path).status_code == 204
    for answer in (company.api.get(path), company.api.delete(path), company.api.get(f"{path}/leads")):
        problem(answer, 404)
    problem(company.api.post(f"{path}/archive"), 404)
    problem(company.api.post(f"{path}/clone", json={}), 404)
    listed = company.api.get("/v1/campaigns", params={"limit": 200}).json()["data"]
    assert campaign not in {row["id"] for row in listed}


def test_what_was_started_is_archived_instead(engine: Engine, company: Company) -> None:
    with without_autoplay(engine):
        campaign = draft(company, leads=1)
        path = f"/v1/campaigns/{campaign}"
        start(company, campaign)
        wait_status(engine, campaign, "ACTIVE")
        problem(company.api.delete(path), 409, "campaign_not_draft")
        assert company.api.post(f"{path}/archive").json()["status"] == "archived"
        assert company.api.post(f"{path}/archive").status_code == 202
        wait_status(engine, campaign, "PAUSED")
        for answer in (
            company.api.post(f"{path}/start"),
            company.api.post(f"{path}/leads", json={"leads": [{"email": addresses(1)[0]}]}),
            company.api.patch(path, json={"name": "No"}),
        ):
            problem(answer, 409, "campaign_archived")
        assert company.api.get(f"{path}/stats").json()["leads"]["pushed"] == 1
        assert company.api.get("/v1/campaigns", params={"status": "archived"}).json()["data"][0]["id"] == campaign


def test_a_clone_is_a_draft_with_all_but_the_people(company: Company) -> None:
    campaign = draft(company, leads=3, name="First")
    path = f"/v1/campaigns/{campaign}"
    changes = {"settings": {"rest_days": 9, "unsubscribe": "header"}, "schedule": {"days": [2]}, "metadata": {"a": "b"}}
    first = company.api.patch(path, json=changes).raise_for_status().json()
    made = company.api.post(f"{path}/clone", json={})
    assert made.status_code == 201
    clone = made.json()
    own = ("id", "name", "created_at", "updated_at")
    assert {key: value for key, value in clone.items() if key not in own} == {
        key: value for key, value in first.items() if key not in own
    }
    assert clone["name"] == "Copy of First"
    there = f"/v1/campaigns/{clone['id']}"
    steps = [{**step, "id": None} for step in company.api.get(f"{path}/sequence").json()["steps"]]
    assert [{**step, "id": None} for step in company.api.get(f"{there}/sequence").json()["steps"]] == steps
    assert company.api.get(f"{there}/senders").json() == company.api.get(f"{path}/senders").json()
    assert company.api.get(f"{there}/leads").json()["data"] == []
    assert company.api.post(f"{path}/clone", json={"name": "Mine"}).json()["name"] == "Mine"


def test_who_is_taken_out_is_stopped_and_stays_in_the_figures(engine: Engine, company: Company) -> None:
    emails = addresses(3)
    with without_autoplay(engine):
        campaign = draft(company)
        add_leads(company, campaign, emails[:2])
        start(company, campaign)
        path = f"/v1/campaigns/{campaign}/leads"
        gone = company.api.delete(f"{path}/{lead_of(company, campaign, emails[0])['lead_id']}")
        assert (gone.status_code, gone.json()["status"]) == (202, "stopped")
        wait_for("the stop", lambda: people_at_provider(engine, campaign)[emails[0]]["status"] != "STARTED")
        assert people_at_provider(engine, campaign)[emails[1]]["status"] == "STARTED"
        assert company.api.get(f"/v1/campaigns/{campaign}/stats").json()["leads"]["total"] == 2
        again = company.api.post(path, json={"leads": [{"email": emails[0]}]}).json()
        assert again["results"][0]["result"] == "duplicate"
        types = {row["type"] for row in company.api.get("/v1/events", params={"campaign_id": campaign}).json()["data"]}
        assert "lead.unsubscribed" not in types
        play(engine, campaign, emails[1], "reply")
        wait_for("the reply", lambda: lead_of(company, campaign, emails[1])["status"] == "replied")
        kept = company.api.delete(f"{path}/{lead_of(company, campaign, emails[1])['lead_id']}")
        assert kept.json()["status"] == "replied"
        problem(company.api.delete(f"{path}/{random_id()}"), 404)


def test_who_is_taken_out_before_is_never_handed_over(engine: Engine, company: Company) -> None:
    campaign, emails = draft(company), addresses(2)
    add_leads(company, campaign, emails)
    path = f"/v1/campaigns/{campaign}/leads"
    company.api.delete(f"{path}/{lead_of(company, campaign, emails[0])['lead_id']}").raise_for_status()
    row = lead_of(company, campaign, emails[0])
    assert (row["status"], row["push"]) == ("stopped", {"state": "suppressed", "reason": "removed"})
    with without_autoplay(engine):
        start(company, campaign)
        assert set(people_at_provider(engine, campaign)) == {emails[1]}
