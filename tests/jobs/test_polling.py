"""What no webhook brought comes by polling, and both together give each event once."""

from typing import Any

from tests.engine import Company, Engine, Organization, add_leads, addresses, draft, start, wait_for
from tests.jobs.provider_state import at_provider, control, external_ids, play, provider, wait_status

NOW = "poll_at = now(), figures = null"


def running(company: Company, count: int) -> tuple[str, list[str]]:
    emails = addresses(count)
    campaign = draft(company)
    add_leads(company, campaign, emails)
    start(company, campaign)
    return campaign, emails


def poll(engine: Engine, campaign: str) -> None:
    """Have the campaign polled now, and wait until it was."""
    engine.time_passes(f"update outbound.campaign_bindings set {NOW} where campaign_id = %s", campaign)  # noqa: S608

    def done() -> bool:
        with engine.sql() as sql:
            query = "select poll_at > now() as done from outbound.campaign_bindings where campaign_id = %s"
            return bool((sql.execute(query, [campaign]).fetchone() or {})["done"])

    wait_for("the campaign to be asked about", done, 30)


def events(company: Company, campaign: str) -> list[tuple[str, str]]:
    rows = (
        company.api.get("/v1/events", params={"campaign_id": campaign, "limit": 200}).raise_for_status().json()["data"]
    )
    return [(row["type"], row["lead_id"]) for row in rows if row["lead_id"]]


def hooks(engine: Engine, campaign: str) -> list[dict[str, Any]]:
    return at_provider(engine, campaign)["webhooks"]


def unhook(engine: Engine, campaign: str) -> None:
    """Delete the campaign's webhook at the provider, as a person there might."""
    (number,) = external_ids(engine, campaign)
    for hook in provider(engine, "GET", f"/campaigns/{number}/webhooks").json():
        provider(engine, "DELETE", f"/campaigns/{number}/webhooks", {"id": hook["id"]})


def connection(organization: Organization) -> dict[str, Any]:
    return organization.api.get("/partner/v1/connections").json()["data"][0]


def test_what_no_webhook_brought_is_found_by_polling_and_the_webhook_is_mended(
    engine: Engine, organization: Organization, company: Company, quiet: None
) -> None:
    campaign, emails = running(company, 4)
    wait_status(engine, campaign, "ACTIVE")
    unhook(engine, campaign)
    for email, event in zip(emails, ("sent", "reply", "bounce", "unsubscribed"), strict=True):
        play(engine, campaign, email, event)
    assert events(company, campaign) == []
    poll(engine, campaign)
    wait_for("the events", lambda: len(events(company, campaign)) >= 6)
    kinds = sorted(kind for kind, _ in events(company, campaign))
    assert kinds == ["lead.unsubscribed", "message.bounced", "message.replied"] + ["message.sent"] * 3
    states = {row["email"]: row["status"] for row in company.api.get(f"/v1/campaigns/{campaign}/leads").json()["data"]}
    assert states == dict(zip(emails, ("active", "replied", "bounced", "unsubscribed"), strict=True))
    assert emails[3] in {row["value"] for row in company.api.get("/v1/suppressions").json()["data"]}
    assert len(hooks(engine, campaign)) == 1, "registered again"
    assert connection(organization)["webhooks"]["checked_at"] is not None
    poll(engine, campaign)
    assert sorted(kind for kind, _ in events(company, campaign)) == kinds, "asking again changes nothing"


def test_what_comes_by_webhook_and_by_polling_is_one_event(engine: Engine, company: Company, quiet: None) -> None:
    campaign, emails = running(company, 3)
    for email in emails:
        play(engine, campaign, email, "reply")
    play(engine, campaign, emails[0], "bounce")
    wait_for("what is told", lambda: len(events(company, campaign)) >= 7)
    before = sorted(events(company, campaign))
    poll(engine, campaign)
    assert sorted(events(company, campaign)) == before
    control(engine).put("/settings", json={"duplicates": 1}).raise_for_status()
    try:
        play(engine, campaign, emails[1], "open")
        wait_for("one more", lambda: len(events(company, campaign)) == len(before) + 1)
    finally:
        control(engine).put("/settings", json={"duplicates": 0}).raise_for_status()
    poll(engine, campaign)
    assert len(events(company, campaign)) == len(before) + 1


def test_a_removed_suppression_stays_removed(engine: Engine, company: Company, quiet: None) -> None:
    """That a lead unsubscribed is found by each poll; it takes effect once."""
    campaign, (email,) = running(company, 1)
    play(engine, campaign, email, "unsubscribed")

    def listed() -> list[dict[str, Any]]:
        return [row for row in company.api.get("/v1/suppressions").json()["data"] if row["value"] == email]

    (row,) = wait_for("the suppression", listed)
    assert company.api.delete(f"/v1/suppressions/{row['id']}").status_code == 204
    poll(engine, campaign)
    assert listed() == []


def test_where_nothing_moved_nothing_is_requested(engine: Engine, company: Company, quiet: None) -> None:
    campaign, (email,) = running(company, 1)
    poll(engine, campaign)
    with engine.sql() as sql:
        query = "select figures from outbound.campaign_bindings where campaign_id = %s"
        figures = (sql.execute(query, [campaign]).fetchone() or {})["figures"]
        assert figures["sent"] == 0
    play(engine, campaign, email, "sent")
    engine.time_passes("update outbound.campaign_bindings set poll_at = now() where campaign_id = %s", campaign)

    def counted() -> bool:
        with engine.sql() as sql:
            row = sql.execute(query, [campaign]).fetchone() or {}
            return bool(row["figures"]["sent"] == 1)

    wait_for("the figures", counted, 30)
