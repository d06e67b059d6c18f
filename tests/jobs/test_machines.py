"""What machines write back, in ten languages and through all three providers: nothing of it is a person's answer."""

import pytest

from providers.simulators.kit import machines
from providers.simulators.kit.options import ORDERS
from tests.engine import Engine, Organization, wait_for
from tests.jobs.moving import PROVIDERS, Account, Row, Work, simulator

pytestmark = pytest.mark.usefixtures("quiet_everywhere")


def events_of(work: Work, *types: str) -> list[Row]:
    """Return what a campaign's company is shown to have happened, the oldest first."""
    rows = work.rows("/v1/events", campaign_id=work.campaign)
    return [row for row in rows if not types or row["type"] in types]


def begin(engine: Engine, organization: Organization, provider: str) -> Work:
    account = Account(engine, organization, provider)
    company = account.company("Acme")
    return Work.begin(account, company, account.assign(account.senders()[0]["id"], company), account.new_person())


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_away_note_of_any_language_ends_nothing(provider: str, organization: Organization, engine: Engine) -> None:
    work = begin(engine, organization, provider)
    for language in machines.languages():
        work.plays(f"auto_reply:{language}")
    count = len(machines.languages())
    wait_for("all notes", lambda: len(events_of(work, "message.auto_replied")) == count)
    assert {row["data"]["until"][5:] for row in events_of(work, "message.auto_replied")} == {"01-05"}
    assert events_of(work, "message.replied", "message.bounced") == []
    (enrolment,) = work.rows(f"/v1/campaigns/{work.campaign}/leads")
    assert enrolment["status"] in {"active", "paused"}  # the person rests until then where the provider can pause


@pytest.mark.parametrize("meaning", machines.MEANINGS)
@pytest.mark.parametrize("provider", ["smartlead", "instantly"])
def test_a_mail_that_came_back_ends_only_dead_addresses(
    provider: str, meaning: str, organization: Organization, engine: Engine
) -> None:
    work = begin(engine, organization, provider)
    work.plays(f"bounce:{meaning}")
    (bounce,) = wait_for("the bounce", lambda: events_of(work, "message.bounced"))
    kind = bounce["data"]["kind"]  # one provider's own event of a dead address says nothing more of it
    assert kind == (None if (provider, meaning) == ("instantly", "hard") else meaning)
    assert events_of(work, "message.replied", "message.auto_replied") == []
    (enrolment,) = work.rows(f"/v1/campaigns/{work.campaign}/leads")
    assert enrolment["status"] == ("bounced" if meaning == "hard" else "active")


@pytest.mark.parametrize(
    ("category", "label"),
    [(1, "interested"), (2, "meeting"), (3, "not_interested"), (4, "do_not_contact"), (6, "out_of_office"),
     (7, "wrong_person"), (5, "interested")],
)  # fmt: skip
def test_an_accounts_own_judge_labels_people(
    category: int, label: str, organization: Organization, engine: Engine
) -> None:
    work = begin(engine, organization, "smartlead")
    work.plays("reply")
    work.plays(f"category:{category}")
    (labelled,) = wait_for("the label", lambda: events_of(work, "lead.labelled"))
    assert labelled["data"]["label"] == label
    listed = work.company.api.get("/v1/suppressions").raise_for_status().json()["data"]
    assert len(listed) == (label == "do_not_contact")


@pytest.mark.parametrize("provider", ["smartlead", "instantly"])
def test_a_providers_footer_is_not_shown_to_the_company(
    provider: str, organization: Organization, engine: Engine
) -> None:
    footer = "<p>Sent with Smartlead via Instantly and HeyReach</p>"
    simulator(engine, provider, "PUT", "/settings", json={"footer": footer})
    try:
        work = begin(engine, organization, provider)
        work.plays("reply")
        wait_for("the thread", lambda: {row["direction"] for row in work.messages()} == {"outgoing", "incoming"})
    finally:
        simulator(engine, provider, "PUT", "/settings", json={"footer": None})
    (sent,) = [row for row in work.messages() if row["direction"] == "outgoing"]
    assert "acme.example/demo" in sent["text"]
    assert not {"smartlead", "instantly", "heyreach"} & set(work.everything().lower().replace(">", " ").split())


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_in_whatever_order_webhooks_come_the_end_is_the_same(
    provider: str, order: str, organization: Organization, engine: Engine
) -> None:
    simulator(engine, provider, "PUT", "/settings", json={"order": order, "duplicates": 1})
    try:
        work = begin(engine, organization, provider)
        first = ("sent", "open", "auto_reply:de", "reply") if provider != "heyreach" else ("auto_reply:de", "reply")
        for event in first:
            work.plays(event)
        wait_for("the reply", lambda: events_of(work, "message.replied"))
        wait_for("the note", lambda: events_of(work, "message.auto_replied"))
    finally:
        simulator(engine, provider, "PUT", "/settings", json={"order": "as_it_happened", "duplicates": 0})
    wait_for("the end", lambda: work.rows(f"/v1/campaigns/{work.campaign}/leads")[0]["status"] == "replied")
    query = "select count(*) as n from outbound.inbound_webhooks where connection_id = %s and state = 'received'"
    wait_for("everything read", lambda: work.account.row(query, work.connection)["n"] == 0)
    types = [row["type"] for row in events_of(work, "message.replied", "message.auto_replied", "message.sent")]
    assert sorted(types) == sorted({*types})
