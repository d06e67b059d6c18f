"""The Instantly client over real HTTP: every verb against the simulator, each request checked against the document."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any
from uuid import uuid4

import pytest

from providers.errors import CredentialRefused, Refused
from providers.instantly import INSTANTLY
from providers.models import Fact, LeadToAdd, Outcome, Schedule, Step
from providers.templates import compiled_step, fields_for, rendered, uses
from tests.providers.instantly.simulator_fixture import OTHER_KEY, Simulator, own, running, sim, wait_for
from tests.providers.instantly.test_client_requests import (
    SCHEDULE,
    STEPS,
    URL,
    added,
    ask,
    fresh,
    inside,
    new_campaign,
    people,
    recorded,
    stored,
)
from tests.support.clients import CountingGate

__all__ = ["own", "running", "sim"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_without_the_scope_is_refused(sim: Simulator, status: int) -> None:
    sim.set(scope_status=status)
    key = sim.post("/api-keys", {"name": "narrow", "scopes": ["accounts:read"]})["key"]
    assert ask(sim, lambda client: client.account.list_senders(), key=key)
    with pytest.raises(CredentialRefused):
        ask(sim, lambda client: client.account.verify(), key=key)


def test_senders_are_read_in_neutral_words(sim: Simulator) -> None:
    first, second, third = sim.mailboxes()
    sim.post(f"/accounts/{second}/pause", {})
    sim.post("/accounts/warmup/enable", {"emails": [third]})
    wait_for(lambda: sim.get(f"/accounts/{third}")["warmup_status"] == 1)
    senders = {sender.address: sender for sender in ask(sim, lambda client: client.account.list_senders())}
    rows = {row["email"]: row for row in sim.get("/accounts")["items"]}
    sim.post(f"/accounts/{second}/resume", {})
    sim.post("/accounts/warmup/disable", {"emails": [third]})
    assert set(senders) == set(rows)
    for address, sender in senders.items():
        assert (sender.external_id, sender.daily_limit) == (address, rows[address]["daily_limit"])
        assert sender.display_name == f"{rows[address]['first_name']} {rows[address]['last_name']}"
    assert [senders[address].active for address in (first, second, third)] == [True, False, True]
    assert [senders[address].warmup_status for address in (first, third)] == ["inactive", "active"]


def test_every_page_of_campaigns_is_looked_through(sim: Simulator) -> None:
    marker = f"obx-{uuid4().hex}"
    campaign = ask(sim, lambda client: client.campaigns.create("Spring [1]", marker, []))
    schedule = sim.get(f"/campaigns/{campaign}")["campaign_schedule"]
    for number in range(105):
        sim.post("/campaigns", {"name": f"Other {number}", "campaign_schedule": schedule})
    assert inside(sim, campaign)["name"] == f"Spring [1] [{marker}]"
    assert ask(sim, lambda client: client.campaigns.find(marker)) == campaign
    gate = CountingGate()
    assert ask(sim, lambda client: client.campaigns.find(f"obx-{uuid4().hex}"), gate=gate) is None
    assert gate.passed > 2
    assert ask(sim, lambda client: client.campaigns.find(marker), key=OTHER_KEY) is None


def test_a_copy_is_not_taken_for_the_campaign(sim: Simulator) -> None:
    marker = f"obx-{uuid4().hex}"
    campaign = ask(sim, lambda client: client.campaigns.create("Spring", marker, []))
    for _ in range(8):  # ids decide the order, and they are random
        sim.post(f"/campaigns/{campaign}/duplicate", {})
    assert ask(sim, lambda client: client.campaigns.find(marker)) == campaign


def test_a_new_campaign_is_a_draft_that_stops_at_a_reply(sim: Simulator) -> None:
    stands = inside(sim, new_campaign(sim))
    assert stands["status"] == 0
    assert (stands["stop_on_reply"], stands["stop_on_auto_reply"]) == (True, False)
    assert (stands["open_tracking"], stands["link_tracking"]) == (False, False)


def test_each_part_leaves_the_others_as_they_are(sim: Simulator) -> None:
    campaign, mailbox = new_campaign(sim), sim.mailboxes()[0]
    ask(sim, lambda client: client.campaigns.put_schedule(campaign, SCHEDULE))
    ask(sim, lambda client: client.campaigns.put_senders(campaign, [mailbox]))
    ask(sim, lambda client: client.campaigns.put_sequence(campaign, STEPS))
    ask(sim, lambda client: client.campaigns.put_name(campaign, "Autumn", "obx-1"))
    stands = inside(sim, campaign)
    assert (stands["name"], stands["email_list"]) == ("Autumn [obx-1]", [mailbox])
    assert stands["campaign_schedule"]["schedules"][0]["timezone"] == "Europe/Isle_of_Man"
    assert len(stands["sequences"][0]["steps"]) == 2
    assert stands["stop_on_reply"] is True


def test_a_sequence_is_replaced_and_its_delays_stand_before_the_next_step(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    ask(sim, lambda client: client.campaigns.put_sequence(campaign, [*STEPS, Step(3, 7, "", "<p>Last</p>")]))
    (sequence,) = inside(sim, campaign)["sequences"]
    assert [step["delay"] for step in sequence["steps"]] == [3, 7, 0]
    assert [len(step["variants"]) for step in sequence["steps"]] == [1, 1, 1]
    ask(sim, lambda client: client.campaigns.put_sequence(campaign, [Step(1, 0, "Other", "<p>New</p>")]))
    (sequence,) = inside(sim, campaign)["sequences"]
    assert [step["variants"][0]["subject"] for step in sequence["steps"]] == ["Other"]


def test_no_word_of_a_message_is_lost_and_its_variables_are_filled(sim: Simulator) -> None:
    campaign, (email,) = new_campaign(sim), fresh()
    body = "Bare {{custom.city}}, <b>{{ last_name }}</b> -- {{email}}, {{custom.b|Tom &amp; Co}}"
    written = Step(1, 0, "{{first_name}} of {{company_name|your firm}}", body)
    person = {"first_name": "Zoë", "last_name": "Ng", "email": email, "custom.city": "<i>{{email}}</i>\nLisbon"}
    fields = fields_for(person, uses([written]), "html")
    lead = LeadToAdd(uuid4(), email, "Zoë", "Ng", "Acme", fields)
    ask(sim, lambda client: client.campaigns.put_sequence(campaign, [compiled_step(written)]))
    ask(sim, lambda client: client.campaigns.put_senders(campaign, sim.mailboxes()))
    ask(sim, lambda client: client.leads.add(campaign, [lead]))
    shown = sim.play(campaign, email, "sent")
    assert shown["email_subject"] == "Zoë of your firm" == rendered(written.subject, person, "line")
    assert shown["email_html"] == f"<div>{rendered(body, person, 'html')}</div>"
    city = "&lt;i&gt;&#123;&#123;email&#125;&#125;&lt;/i&gt;<br>Lisbon"
    assert shown["email_html"] == f"<div>Bare {city}, <b>Ng</b> -- {email}, Tom &amp; Co</div>"


def test_a_schedule_is_set_as_a_whole(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    ask(sim, lambda client: client.campaigns.put_schedule(campaign, SCHEDULE))
    stands = inside(sim, campaign)
    (hours,) = stands["campaign_schedule"]["schedules"]
    assert [day for day, on in hours["days"].items() if on] == ["0", "1", "3"]
    assert (hours["timing"], hours["timezone"]) == ({"from": "08:30", "to": "16:45"}, "Europe/Isle_of_Man")
    assert (stands["email_gap"], stands["daily_max_leads"]) == (12, 55)


def test_a_time_zone_without_an_equal_is_refused_and_nothing_is_sent(sim: Simulator) -> None:
    campaign, gate = new_campaign(sim), CountingGate()
    schedule = Schedule("America/Los_Angeles", [1], time(0, 10), time(23, 50), 10, 10)
    with pytest.raises(Refused) as refusal:
        ask(sim, lambda client: client.campaigns.put_schedule(campaign, schedule), gate=gate)
    assert gate.passed == 0
    assert refusal.value.permanent
    assert "time zone" in str(refusal.value)


def test_senders_are_exactly_those_requested(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    first, second, third = sim.mailboxes()
    tag = sim.post("/custom-tags", {"label": f"T {campaign}"})["id"]
    sim.patch(f"/campaigns/{campaign}", {"email_tag_list": [tag]})
    for wanted in ([first, second], [third, second], [third], [third], []):
        ask(sim, lambda client, wanted=wanted: client.campaigns.put_senders(campaign, wanted))
        assert inside(sim, campaign)["email_list"] == wanted
    assert inside(sim, campaign)["email_tag_list"] == []


def test_a_sender_of_another_account_is_refused(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    foreign = ask(sim, lambda client: client.account.list_senders(), key=OTHER_KEY)[0].external_id
    with pytest.raises(Refused) as refusal:
        ask(sim, lambda client: client.campaigns.put_senders(campaign, [foreign]))
    assert not isinstance(refusal.value, CredentialRefused)


def hooks(sim: Simulator) -> list[dict[str, Any]]:
    return sim.get("/webhooks", limit=100)["items"]


def test_a_webhook_is_registered_once_for_each_campaign(sim: Simulator) -> None:
    first, second = new_campaign(sim), new_campaign(sim)
    sim.hook("https://example.com/somebody-else", campaign=first)
    for campaign in (first, second, first, second):
        ask(sim, lambda client, campaign=campaign: client.webhooks.put(campaign, URL))
    ours = [hook for hook in hooks(sim) if hook["target_hook_url"] == URL]
    assert sorted((hook["campaign"], hook["event_type"]) for hook in ours) == sorted(
        [(first, "all_events"), (second, "all_events")]
    )
    assert len(hooks(sim)) == 3


def test_a_webhook_that_is_wrong_is_corrected(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    sim.hook(URL, "email_sent", campaign=campaign)
    ask(sim, lambda client: client.webhooks.put(campaign, URL))
    ask(sim, lambda client: client.webhooks.put(campaign, URL))
    (hook,) = hooks(sim)
    assert (hook["target_hook_url"], hook["event_type"]) == (URL, "all_events")


def test_a_new_address_moves_the_webhook(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    ask(sim, lambda client: client.webhooks.put(campaign, URL))
    (before,) = hooks(sim)
    ask(sim, lambda client: client.webhooks.put(campaign, f"{URL}-2"))
    (after,) = hooks(sim)
    assert (after["id"], after["target_hook_url"]) == (before["id"], f"{URL}-2")


def test_of_two_webhooks_one_stays(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    for _ in range(2):
        sim.hook(URL, campaign=campaign)
    ask(sim, lambda client: client.webhooks.put(campaign, URL))
    assert len(hooks(sim)) == 1


def test_a_webhook_for_all_campaigns_is_enough_and_stays(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    ask(sim, lambda client: client.webhooks.put(campaign, URL))
    everywhere = sim.hook(URL)
    ask(sim, lambda client: client.webhooks.put(campaign, URL))
    assert [hook["id"] for hook in hooks(sim)] == [everywhere]


def test_a_webhook_that_was_disabled_is_resumed(sim: Simulator) -> None:
    campaign, (email,) = ready(sim), fresh()
    sim.set(disable_after=1)
    ask(sim, lambda client: client.webhooks.put(campaign, "http://127.0.0.1:9/nobody"))
    ask(sim, lambda client: client.leads.add(campaign, people(email)))
    sim.play(campaign, email, "sent")
    wait_for(lambda: hooks(sim)[0]["status"] == -1)
    ask(sim, lambda client: client.webhooks.put(campaign, URL))
    (hook,) = hooks(sim)
    assert (hook["status"], hook["target_hook_url"]) == (1, URL)


def test_a_campaign_that_is_gone_cannot_be_switched(sim: Simulator) -> None:
    with pytest.raises(Refused) as refusal:
        ask(sim, lambda client: client.campaigns.set_active(str(uuid4()), True))
    assert refusal.value.status == 404


def test_leads_are_added_with_their_fields_and_their_ids_come_back(sim: Simulator) -> None:
    campaign, (email,) = new_campaign(sim), fresh()
    fields = {"obx_h_c_city": "Lisbon", "obx_h_first_name": "x", "obx_h_c_campaign_id": "y", "obx_h_c_empty": ""}
    lead = LeadToAdd(uuid4(), email, "Zoë", None, "Acme", fields)
    (result,) = ask(sim, lambda client: client.leads.add(campaign, [lead]))
    row = stored(sim, campaign)[email]
    assert (result.key, result.outcome, result.external_id) == (lead.key, Outcome.PUSHED, row["id"])
    assert row["fields"]["payload"] == {
        "firstName": "Zoë", "companyName": "Acme", "email": email, **fields,
    }  # fmt: skip


def test_a_customers_field_never_replaces_one_of_a_webhook(sim: Simulator) -> None:
    campaign, (email,) = ready(sim), fresh()
    names = ("campaign_id", "campaign", "event_type", "lead_email", "timestamp", "step", "email_id", "email")
    fields = fields_for({f"custom.{name}": "mine" for name in names}, {}, "html")
    ask(sim, lambda client: client.leads.add(campaign, people(email, fields=fields)))
    assert stored(sim, campaign)[email]["fields"]["payload"].items() >= fields.items()
    (event,) = INSTANTLY.parse_webhook(json.dumps(sim.play(campaign, email, "sent")).encode())
    assert (event.fact, event.external_campaign_id, event.email) == (Fact.SENT, campaign, email)
    assert event.data["step"] == 1
    assert event.occurred_at is not None


def test_leads_that_are_there_already_count_as_handed_over(sim: Simulator) -> None:
    campaign, emails = new_campaign(sim), fresh(3)
    ask(sim, lambda client: client.leads.add(campaign, people(*emails[:2])))
    results = ask(sim, lambda client: client.leads.add(campaign, people(*emails)))
    assert [result.outcome for result in results] == [Outcome.PUSHED] * 3
    assert [result.external_id is not None for result in results] == [False, False, True]
    assert added(sim, campaign) == emails


def test_a_person_of_another_campaign_is_added_here_too(sim: Simulator) -> None:
    emails = fresh()
    for campaign in (new_campaign(sim), new_campaign(sim)):
        (result,) = ask(sim, lambda client, campaign=campaign: client.leads.add(campaign, people(*emails)))
        assert result.outcome is Outcome.PUSHED
        assert list(stored(sim, campaign)) == emails


def test_a_lead_that_the_provider_will_not_have_is_never_called_handed_over(sim: Simulator) -> None:
    campaign, (blocked, fine) = new_campaign(sim), fresh(2)
    ask(sim, lambda client: client.block_list.add([blocked]))
    for refused, reason in ((blocked, "not_accepted"), ("no-address", "invalid_address")):
        leads = people(refused, fine)
        results = ask(sim, lambda client, leads=leads: client.leads.add(campaign, leads))
        assert [result.key for result in results] == [lead.key for lead in leads]
        if refused == blocked:
            shown = [(result.outcome, result.reason) for result in results]
            assert shown == [(Outcome.FAILED, reason), (Outcome.PUSHED, None)]
        else:  # one is refused and one is there already: the answer only counts them
            assert {result.outcome for result in results} == {Outcome.UNCERTAIN}
    (result,) = ask(sim, lambda client: client.leads.add(campaign, people("no-address")))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "invalid_address")
    assert added(sim, campaign) == [fine]


def test_a_full_batch_fits_into_one_request(sim: Simulator) -> None:
    campaign, gate = new_campaign(sim), CountingGate()
    emails = fresh(INSTANTLY.limits.leads_per_request)
    results = ask(sim, lambda client: client.leads.add(campaign, people(*emails)), gate=gate)
    assert gate.passed == 1
    assert {result.outcome for result in results} == {Outcome.PUSHED}
    rows = stored(sim, campaign)
    assert [result.external_id for result in results] == [rows[email]["id"] for email in emails]


def test_leads_of_a_campaign_that_is_gone_are_refused_with_its_status(sim: Simulator) -> None:
    with pytest.raises(Refused) as refusal:
        ask(sim, lambda client: client.leads.add(str(uuid4()), people(*fresh())))
    assert refusal.value.status == 404


def test_an_address_that_the_filter_would_not_take_is_found_among_all(sim: Simulator) -> None:
    campaign, emails = new_campaign(sim), fresh(120)
    odd = f"zoë.{uuid4().hex[:6]}@client.example"
    for part in (emails[:60], emails[60:], [odd]):
        ask(sim, lambda client, part=part: client.leads.add(campaign, people(*part)))
    wanted = [odd, emails[3], "nö@client.example"]
    found = ask(sim, lambda client: client.leads.find_all(campaign, wanted, datetime.now(UTC)))
    rows = stored(sim, campaign)
    assert dict(found) == {odd: rows[odd]["id"], emails[3]: rows[emails[3]]["id"]}


def test_no_person_is_found_in_a_campaign_without_them(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    assert ask(sim, lambda client: client.leads.find_all(campaign, fresh(), datetime.now(UTC))) == {}
    assert ask(sim, lambda client: client.leads.find_all(str(uuid4()), fresh(), datetime.now(UTC))) == {}
    assert ask(sim, lambda client: client.leads.find_all(campaign, [], datetime.now(UTC))) == {}


def ready(sim: Simulator) -> str:
    """Return a campaign that could be sent."""
    campaign = new_campaign(sim)
    ask(sim, lambda client: client.campaigns.put_sequence(campaign, STEPS))
    ask(sim, lambda client: client.campaigns.put_senders(campaign, sim.mailboxes()))
    return campaign


def one_lead(sim: Simulator) -> tuple[str, str, str]:
    campaign, (email,) = ready(sim), fresh()
    (result,) = ask(sim, lambda client: client.leads.add(campaign, people(email)))
    assert result.external_id
    return campaign, email, result.external_id


def stop(sim: Simulator, campaign: str, lead: str, *, for_good: bool) -> None:
    ask(sim, lambda client: client.leads.stop(campaign, lead, for_good=for_good))


def test_a_person_is_taken_out_of_one_campaign_for_good(sim: Simulator) -> None:
    campaign, email, lead = one_lead(sim)
    other = new_campaign(sim)
    ask(sim, lambda client: client.leads.add(other, people(email)))
    for _ in range(2):
        stop(sim, campaign, lead, for_good=True)
    assert stored(sim, campaign) == {}
    assert stored(sim, other)[email]["interest"] is None


def test_a_person_who_unsubscribed_stays_there_as_such(sim: Simulator) -> None:
    campaign, email, lead = one_lead(sim)
    sim.play(campaign, email, "unsubscribed")
    with recorded() as requests:
        for for_good in (True, False):
            stop(sim, campaign, lead, for_good=for_good)
    assert stored(sim, campaign)[email]["status"] == -2
    assert {request.method for request in requests} == {"GET"}


def test_a_person_who_replied_elsewhere_gets_an_interest_that_ends_the_sequence(sim: Simulator) -> None:
    campaign, email, lead = one_lead(sim)
    for _ in range(2):
        stop(sim, campaign, lead, for_good=False)
        wait_for(lambda: stored(sim, campaign)[email]["interest"] == -1)
    assert stored(sim, campaign)[email]["email"] == email


def test_an_interest_that_was_set_by_hand_is_kept(sim: Simulator) -> None:
    campaign, email, lead = one_lead(sim)
    sim.play(campaign, email, "interest", value=1)
    with recorded() as requests:
        stop(sim, campaign, lead, for_good=False)
    assert {request.method for request in requests} == {"GET"}
    assert stored(sim, campaign)[email]["interest"] == 1


def test_a_person_who_was_moved_is_left_alone_elsewhere(sim: Simulator) -> None:
    campaign, email, lead = one_lead(sim)
    list_id = sim.post("/lead-lists", {"name": "Pool"})["id"]
    sim.post("/leads/move", {"ids": [lead], "campaign": campaign, "to_list_id": list_id})
    wait_for(lambda: sim.get(f"/leads/{lead}").get("list_id") == list_id)
    stop(sim, campaign, lead, for_good=True)
    assert sim.get(f"/leads/{lead}")["email"] == email


def test_who_is_stopped_gets_no_further_mail(own: Callable[..., Simulator]) -> None:
    sim = own(autoplay=True)
    emails = [f"p{number}@quiet.example" for number in (0, 4, 5)]  # these three never respond to a mail
    campaign = ready(sim)
    results = ask(sim, lambda client: client.leads.add(campaign, people(*emails)))
    ask(sim, lambda client: client.campaigns.set_active(campaign, True))
    wait_for(lambda: [row["step"] for row in stored(sim, campaign).values()] == [0, 0, 0])
    for result, for_good in zip(results, (True, False), strict=False):
        stop(sim, campaign, str(result.external_id), for_good=for_good)
    wait_for(lambda: stored(sim, campaign)[emails[1]]["interest"] == -1)
    sim.clock(advance=4 * 86400)
    wait_for(lambda: stored(sim, campaign)[emails[2]]["step"] == 1)
    sent = {email: len(sim.control.get("/emails", params={"lead": email}).json()) for email in emails}
    assert sent == dict(zip(emails, (1, 1, 2), strict=True))


def test_a_person_who_is_gone_is_stopped(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    for for_good in (True, False):
        stop(sim, campaign, str(uuid4()), for_good=for_good)
