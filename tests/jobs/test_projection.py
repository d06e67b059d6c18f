"""A webhook that cannot be stored as it is holds up none of the others."""

from typing import Any

import httpx
import pytest

from tests.engine import Company, Engine, add_leads, addresses, draft, start, wait_for
from tests.jobs.provider_state import at_provider


def body(campaign: dict[str, Any], email: str, **more: Any) -> dict[str, Any]:
    return {
        "event_type": "EMAIL_OPEN", "campaign_id": campaign["id"], "sl_lead_email": email, "sequence_number": 1,
        "event_timestamp": "2026-07-11T12:30:00+00:00", **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"event_timestamp": "2026-07-11T12:30:00+23:59"},
        {"event_timestamp": "2026-07-11T12:30:00+00:00:30.5"},
        {"stats_id": "".join(chr(0x4E00 + number) for number in range(3000))},
        {"sequence_number": "²"},
    ],
    ids=["nothing odd", "offset", "fraction", "long key", "digit"],
)
def test_an_odd_webhook_does_not_delay_a_good_one(
    engine: Engine, company: Company, quiet: None, odd: dict[str, Any]
) -> None:
    emails = addresses(2)
    campaign = draft(company)
    add_leads(company, campaign, emails)
    start(company, campaign)
    theirs = at_provider(engine, campaign)
    url = theirs["webhooks"][0]["webhook_url"]
    for content in (body(theirs, emails[0], **odd), body(theirs, emails[1])):
        assert httpx.post(url, json=content).status_code == 200

    def opened() -> bool:
        page = company.api.get("/v1/events", params={"type": "message.opened", "campaign_id": campaign})
        return len(page.raise_for_status().json()["data"]) >= 1

    wait_for("the good one", opened, 10)

    def all_read() -> bool:
        with engine.sql() as conn:
            rows = conn.execute(
                "select 1 from outbound.inbound_webhooks where company_id = %s and state = 'received'", [company.id]
            ).fetchall()
        return not rows

    wait_for("everything read", all_read, 10)
