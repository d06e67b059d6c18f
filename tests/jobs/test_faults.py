"""Each way the provider can fail, at each thing we ask of it: the campaign stands there once and whole in the end."""

from typing import Any

import pytest

from tests.engine import Company, Engine, add_leads, addresses, draft, wait_synced
from tests.jobs.provider_state import assert_each_added_once, at_provider, external_ids, faults, hits, wait_status

SWITCHES: dict[str, dict[str, Any]] = {
    "rate_limited": {"times": 1, "seconds": 1},
    "server_error": {"times": 1},
    "slow": {"times": 1, "seconds": 0.5},
    "lost_response": {"times": 1},
    "malformed": {"times": 1},
}
VERBS = {
    "create campaign": ["/campaigns/create"],
    "sequence": ["/sequences"],
    "schedule": ["/schedule"],
    "senders": ["/email-accounts"],
    "webhook": ["/webhooks"],
    "status": ["/status"],
    "leads": ["/leads"],
}
LEADS = 120  # more than one request holds


def begin(company: Company, emails: list[str]) -> str:
    campaign = draft(company)
    add_leads(company, campaign, emails)
    company.api.post(f"/v1/campaigns/{campaign}/start").raise_for_status()
    return campaign


def assert_stands_once(engine: Engine, campaign: str, emails: list[str]) -> None:
    wait_status(engine, campaign, "ACTIVE")
    assert len(external_ids(engine, campaign)) == 1
    stands = at_provider(engine, campaign)
    assert len(stands["sequence"]) == 1
    assert len(stands["email_account_ids"]) == 3
    assert len(stands["webhooks"]) == 1
    assert stands["schedule"]["tz"] == "UTC"
    assert stands["lead_count"] == len(emails)
    assert_each_added_once(engine, campaign, emails)


@pytest.mark.parametrize("turn", range(len(VERBS)))
def test_each_fault_at_each_verb_ends_well(engine: Engine, company: Company, quiet: None, turn: int) -> None:
    """The five switches strike five verbs of one campaign; seven turns bring every switch to every verb."""
    paths = [*VERBS.values()][turn:] + [*VERBS.values()][:turn]
    switches = {
        name: {**setting, "paths": paths[number], "methods": ["POST"]}
        for number, (name, setting) in enumerate(SWITCHES.items())
    }
    emails = addresses(LEADS)
    with faults(engine, **switches):
        campaign = begin(company, emails)
        wait_synced(company, campaign, 40)
        wait_status(engine, campaign, "ACTIVE")
        assert hits(engine) == dict.fromkeys(SWITCHES, 1)
    assert_stands_once(engine, campaign, emails)


def test_each_fault_at_what_is_read_ends_well(engine: Engine, company: Company, quiet: None) -> None:
    emails = addresses(3)
    with faults(engine, **{name: {**setting, "methods": ["GET"]} for name, setting in SWITCHES.items()}):
        campaign = begin(company, emails)
        wait_synced(company, campaign, 40)
        assert hits(engine) == dict.fromkeys(SWITCHES, 1)
    assert_stands_once(engine, campaign, emails)


def test_a_creation_that_is_lost_and_then_hard_to_find_makes_one_campaign(
    engine: Engine, company: Company, quiet: None
) -> None:
    emails = addresses(2)
    lost = {"paths": ["/campaigns/create"], "times": 1}
    hidden = {"paths": ["/campaigns/"], "methods": ["GET"], "times": 2}
    with faults(engine, lost_response=lost, server_error=hidden):
        campaign = begin(company, emails)
        wait_synced(company, campaign, 40)
    assert_stands_once(engine, campaign, emails)


def test_everything_failing_at_random_ends_well(engine: Engine, company: Company, quiet: None) -> None:
    emails = addresses(400)
    mixed = dict.fromkeys(("rate_limited", "server_error", "lost_response", "malformed"), 0.15)
    with faults(engine, **mixed, seed=3):
        campaign = begin(company, emails)
        wait_synced(company, campaign, 90)
    assert_stands_once(engine, campaign, emails)
