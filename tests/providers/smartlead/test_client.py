"""The Smartlead client over real HTTP: every verb against the simulator."""

import logging
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from providers.contract import Gate, ProviderClient
from providers.errors import Refused
from providers.models import LeadToAdd, Outcome, Schedule, Step
from providers.smartlead import SMARTLEAD
from providers.templates import compiled_step, fields_for, rendered, uses
from tests.providers.smartlead.simulator_fixture import KEY, OTHER_KEY, Simulator, running, sim
from tests.support.clients import CountingGate, call

__all__ = ["running", "sim"]
T = TypeVar("T")
URL = "http://127.0.0.1:8000/hooks/path-token"
SCHEDULE = Schedule("Europe/Lisbon", [1, 3, 7], time(8, 30), time(16, 45), 12, 55)


def ask(
    sim: Simulator, action: Callable[[ProviderClient], Awaitable[T]], *, key: str = KEY, gate: Gate | None = None
) -> T:
    """Run one action with a client of its own."""

    url = f"http://127.0.0.1:{sim.port}"
    return call(SMARTLEAD, key, url, action, gate=gate)


def inside(sim: Simulator, campaign: str) -> dict[str, Any]:
    return sim.control.get(f"/campaigns/{campaign}").json()


def new_campaign(sim: Simulator, name: str = "Spring") -> str:
    return ask(sim, lambda client: client.campaigns.create(name, f"obx-{uuid4().hex}", []))


def people(*emails: str, **more: Any) -> list[LeadToAdd]:
    return [LeadToAdd(uuid4(), email, "Ana", **more) for email in emails]


def fresh(count: int = 1) -> list[str]:
    mark = uuid4().hex[:8]
    return [f"p{number}.{mark}@client.example" for number in range(count)]


def test_senders_are_read_in_neutral_words(sim: Simulator) -> None:
    senders = ask(sim, lambda client: client.account.list_senders())
    rows = {str(row["id"]): row for row in sim.get("/email-accounts/")}
    assert {sender.external_id for sender in senders} == set(rows)
    for sender in senders:
        row = rows[sender.external_id]
        assert (sender.address, sender.display_name) == (row["from_email"], row["from_name"])
        assert sender.daily_limit == int(row["message_per_day"])
        assert sender.warmup_status in ("active", "inactive", "unknown")
        assert row.get("password", "-") not in repr(sender)


def test_a_campaign_of_another_account_is_not_found(sim: Simulator) -> None:
    marker = f"obx-{uuid4().hex}"
    ask(sim, lambda client: client.campaigns.create("Spring", marker, []))
    assert ask(sim, lambda client: client.campaigns.find(marker), key=OTHER_KEY) is None


def test_a_new_name_keeps_the_marker(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    ask(sim, lambda client: client.campaigns.put_name(campaign, "Autumn", "obx-1"))
    assert inside(sim, campaign)["name"] == "Autumn [obx-1]"


def test_a_sequence_is_replaced_and_keeps_the_ids_of_its_steps(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    steps = [
        Step(1, 0, "Hi {{obx_l_first_name}}", "<p>{{obx_h_c_city}} {{obx_h_company_name}}</p>"),
        Step(2, 3, "", "<p>Again</p>"),
    ]
    ask(sim, lambda client: client.campaigns.put_sequence(campaign, steps))
    before = inside(sim, campaign)["sequence"]
    assert [(step["seq_number"], step["delay_in_days"], step["subject"]) for step in before] == [
        (1, 0, "Hi {{obx_l_first_name}}"),
        (2, 3, ""),
    ]
    assert before[0]["email_body"] == steps[0].body
    ask(sim, lambda client: client.campaigns.put_sequence(campaign, [Step(1, 0, "Other", "<p>New</p>")]))
    (after,) = inside(sim, campaign)["sequence"]
    assert (after["id"], after["subject"]) == (before[0]["id"], "Other")


def test_a_schedule_is_set_as_a_whole(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    ask(sim, lambda client: client.campaigns.put_schedule(campaign, SCHEDULE))
    stands = inside(sim, campaign)
    assert stands["schedule"] == {"tz": "Europe/Lisbon", "days": [0, 1, 3], "startHour": "08:30", "endHour": "16:45"}
    assert stands["settings"]["min_time_btwn_emails"] == 12
    assert stands["settings"]["max_leads_per_day"] == 55


def test_senders_are_exactly_those_requested(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    first, second, third = (str(row["id"]) for row in sim.get("/email-accounts/"))
    for wanted in ([first, second], [second, third], [third], [third]):
        ask(sim, lambda client, wanted=wanted: client.campaigns.put_senders(campaign, wanted))
        assert [str(number) for number in inside(sim, campaign)["email_account_ids"]] == sorted(wanted, key=int)


def test_a_sender_of_another_account_is_refused(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    foreign = ask(sim, lambda client: client.account.list_senders(), key=OTHER_KEY)[0].external_id
    with pytest.raises(Refused) as refusal:
        ask(sim, lambda client: client.campaigns.put_senders(campaign, [foreign]))
    assert refusal.value.permanent


def test_a_campaign_that_lacks_a_part_is_refused(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    with pytest.raises(Refused):
        ask(sim, lambda client: client.campaigns.set_active(campaign, True))


def test_leads_are_added_with_their_fields_and_their_ids_come_back(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    (email,) = fresh()
    fields = {"obx_h_c_city": "Lisbon", "obx_l_first_name": "Zoë", "obx_h_c_empty": ""}
    lead = LeadToAdd(uuid4(), email, "Zoë", None, "Acme", fields)
    (result,) = ask(sim, lambda client: client.leads.add(campaign, [lead]))
    (stored,) = sim.control.get(f"/campaigns/{campaign}/leads").json()
    assert (result.key, result.outcome, result.external_id) == (lead.key, Outcome.PUSHED, str(stored["lead_id"]))
    assert (stored["first_name"], stored["last_name"], stored["company_name"]) == ("Zoë", None, "Acme")
    assert stored["custom_fields"] == fields


def test_a_mail_is_what_its_template_renders(sim: Simulator) -> None:
    """What stands in a value is data there: no tag, and no variable."""
    campaign, (email,) = new_campaign(sim), fresh()
    written = Step(
        1, 0, "{{first_name|you}}, {{custom.city}}", "<p>{{custom.city}} &amp; {{company_name|your firm}}</p>"
    )
    person = {"custom.city": "<b>{{first_name}}</b>\nTom & Co", "email": email}
    fields = fields_for(person, uses([written]), "html")
    ask(sim, lambda client: client.campaigns.put_sequence(campaign, [compiled_step(written)]))
    ask(sim, lambda client: client.leads.add(campaign, [LeadToAdd(uuid4(), email, "Zoë", fields=fields)]))
    sent = sim.play(campaign, email, "sent")
    assert sent["subject"] == rendered(written.subject, person, "line")
    assert sent["sent_message"]["html"] == rendered(written.body, person, "html")
    assert "Lisbon" not in str(sent)


def test_more_fields_than_are_taken_do_not_refuse_a_batch(sim: Simulator) -> None:
    campaign, (email,) = new_campaign(sim), fresh()
    fields = {f"obx_h_c_k{number}": str(number) for number in range(30)}
    (result,) = ask(sim, lambda client: client.leads.add(campaign, people(email, fields=fields)))
    assert result.outcome is Outcome.PUSHED
    (stored,) = sim.control.get(f"/campaigns/{campaign}/leads").json()
    assert list(stored["custom_fields"]) == list(fields)[:20]


def test_leads_that_are_there_already_count_as_handed_over(sim: Simulator) -> None:
    campaign, emails = new_campaign(sim), fresh(3)
    ask(sim, lambda client: client.leads.add(campaign, people(*emails[:2])))
    results = ask(sim, lambda client: client.leads.add(campaign, people(*emails)))
    assert [result.outcome for result in results] == [Outcome.PUSHED] * 3
    assert all(result.external_id for result in results)


def test_a_person_of_another_campaign_is_added_here_too(sim: Simulator) -> None:
    emails = fresh()
    for campaign in (new_campaign(sim), new_campaign(sim)):
        (result,) = ask(sim, lambda client, campaign=campaign: client.leads.add(campaign, people(*emails)))
        assert result.outcome is Outcome.PUSHED
        assert inside(sim, campaign)["lead_count"] == 1


def test_a_lead_that_the_provider_will_not_have_is_never_called_handed_over(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    blocked, gone, fine = fresh(3)
    ask(sim, lambda client: client.block_list.add([blocked]))
    other = sim.campaign()
    sim.add(other, gone)
    lead_id = sim.get("/leads/", email=gone)["id"]
    sim.post(f"/leads/{lead_id}/unsubscribe")
    leads = people(blocked, gone, fine, "no-address")
    results = ask(sim, lambda client: client.leads.add(campaign, leads))
    assert [result.key for result in results] == [lead.key for lead in leads]
    assert [(result.outcome, result.reason) for result in results] == [
        (Outcome.FAILED, "not_accepted"),  # the block list is only counted: no other lead is left
        (Outcome.FAILED, "unsubscribed"),
        (Outcome.PUSHED, None),
        (Outcome.FAILED, "invalid_address"),
    ]


def test_a_full_batch_fits_into_one_request(sim: Simulator) -> None:
    campaign, gate = new_campaign(sim), CountingGate()
    emails = fresh(SMARTLEAD.limits.leads_per_request)
    results = ask(sim, lambda client: client.leads.add(campaign, people(*emails)), gate=gate)
    assert gate.passed == 1
    assert {result.outcome for result in results} == {Outcome.PUSHED}


def test_leads_of_a_campaign_that_is_gone_are_refused_with_its_status(sim: Simulator) -> None:
    with pytest.raises(Refused) as refusal:
        ask(sim, lambda client: client.leads.add("999999999", people(*fresh())))
    assert refusal.value.status == 404


def test_people_are_found_page_by_page(sim: Simulator) -> None:
    campaign, emails = new_campaign(sim), fresh(230)
    for start in range(0, 230, 100):
        ask(sim, lambda client, start=start: client.leads.add(campaign, people(*emails[start : start + 100])))
    since = datetime.now(UTC) - timedelta(minutes=1)
    wanted = [emails[0], emails[120], emails[229], "stranger@client.example"]
    found = ask(sim, lambda client: client.leads.find_all(campaign, wanted, since))
    stored = {row["email"]: str(row["lead_id"]) for row in sim.control.get(f"/campaigns/{campaign}/leads").json()}
    assert dict(found) == {email: stored[email] for email in wanted[:3]}


def test_no_person_is_found_in_a_campaign_without_them(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    assert ask(sim, lambda client: client.leads.find_all(campaign, fresh(), datetime.now(UTC))) == {}
    assert ask(sim, lambda client: client.leads.find_all("999999999", fresh(), datetime.now(UTC))) == {}


def test_the_key_is_in_no_log_and_no_exception(sim: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    """httpx writes addresses at INFO: `configure_logging` silences it, which tests/unit/test_observability.py holds."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore"):
        caplog.set_level(logging.WARNING, logger=name)
    errors: list[BaseException] = []
    for fault in ("rate_limited", "server_error", "lost_response", "malformed"):
        sim.faults(**{fault: True})
        actions: list[Callable[[ProviderClient], Awaitable[Any]]] = [
            lambda client: client.account.verify(),
            lambda client: client.campaigns.create("n", "m", []),
        ]
        for action in actions:
            with pytest.raises(Exception) as caught:
                ask(sim, action)
            errors.append(caught.value)
    for error in errors:
        assert KEY not in f"{error!s}{error!r}{error.args}"
        assert KEY not in "".join(traceback.format_exception(error))
    assert KEY not in caplog.text
