"""The main job from a partner's first request to a company's figures, over HTTP."""

from tests.engine import Engine, draft, start, wait_for


def test_a_campaign_goes_out_and_its_events_come_back(engine: Engine) -> None:
    organization = engine.new_organization()
    company = organization.connected_company()
    campaign = draft(company, leads=60)
    start(company, campaign)
    leads = company.api.get(f"/v1/campaigns/{campaign}/stats").json()["leads"]
    assert leads["pushed"] == leads["total"] == 60
    wait_for("60 sent", lambda: company.api.get(f"/v1/campaigns/{campaign}/stats").json()["messages"]["sent"] == 60)
    events = company.api.get("/v1/events", params={"limit": 200}).json()["data"]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
