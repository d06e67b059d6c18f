"""The HeyReach client over real HTTP: every verb against the simulator."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from providers.contract import ProviderClient
from providers.errors import Refused
from providers.heyreach import HEYREACH
from providers.heyreach.mapping import HOOKS
from providers.models import Fact, LeadToAdd, Outcome, Step
from providers.simulators.heyreach.script import script
from providers.templates import UNSEEN, compiled_step, fields_for, rendered, uses
from tests.providers.heyreach.client_fixture import (
    SCHEDULE,
    STEPS,
    URL,
    added,
    ask,
    fresh,
    hooks,
    marker,
    new_campaign,
    people,
    quick_clients,
    recorded,
    running,
    seats,
    stands,
    stored,
    urls,
)
from tests.providers.heyreach.simulator_fixture import (
    OTHER_KEY,
    Receiver,
    Simulator,
    own,
    receiver,
    shared,
    sim,
    url_of,
    wait_for,
)
from tests.support.clients import CountingGate

__all__ = ["own", "quick_clients", "receiver", "shared", "sim"]


@pytest.fixture
def no_hooks(sim: Simulator) -> None:
    for row in hooks(sim):
        sim.ask("DELETE", "/webhooks/DeleteWebhook", webhookId=row["id"])


def test_senders_are_read_in_neutral_words(sim: Simulator) -> None:
    first, second, _ = sim.seats()
    sim.control.patch(f"/accounts/{first}", json={"auth_is_valid": False})
    sim.control.patch(f"/accounts/{second}", json={"is_active": False, "limits": {"connectioRequestLimit": 33}})
    senders = {sender.external_id: sender for sender in ask(sim, lambda client: client.account.list_senders())}
    rows = {str(row["id"]): row for row in sim.post("/li_account/GetAll")["items"]}
    sim.control.patch(f"/accounts/{first}", json={"auth_is_valid": True})
    sim.control.patch(f"/accounts/{second}", json={"is_active": True, "limits": {"connectioRequestLimit": 20}})
    assert set(senders) == set(rows)
    for key, sender in senders.items():
        assert sender.address == rows[key]["profileUrl"].removeprefix("https://www.")
        assert sender.display_name == f"{rows[key]['firstName']} {rows[key]['lastName']}"
        assert sender.active is (key != str(first))
        assert sender.daily_limit == (33 if key == str(second) else 20)
        assert sender.warmup_status == "unknown"


def test_every_page_of_campaigns_is_looked_through(sim: Simulator) -> None:
    mark, name = marker(), "Spring [1]"
    campaign = ask(sim, lambda client: client.campaigns.create(name, mark, seats(sim)))
    list_id = sim.list_()
    for number in range(105):
        body = {"name": f"Other {number}", "linkedInUserListId": list_id, "linkedInAccountIds": sim.seats()[:1]}
        sim.post("/campaign/Create", body)
    gate = CountingGate()
    assert ask(sim, lambda client: client.campaigns.find(mark), gate=gate) == campaign
    assert gate.passed > 1
    assert ask(sim, lambda client: client.campaigns.find(marker())) is None
    assert ask(sim, lambda client: client.campaigns.find(mark), key=OTHER_KEY) is None


def test_a_copy_is_not_taken_for_the_campaign(sim: Simulator) -> None:
    mark = marker()
    campaign = ask(sim, lambda client: client.campaigns.create("Spring", mark, seats(sim)))
    list_id = stands(sim, campaign)["list_id"]
    body = {"name": "Copy", "linkedInUserListId": list_id, "linkedInAccountIds": sim.seats()}
    sim.post("/campaign/Create", body)
    assert ask(sim, lambda client: client.campaigns.find(mark)) == campaign


@pytest.mark.parametrize("name", ["Spring", "x" * 200, "🎉" * 60, " ", ""])
def test_a_new_campaign_is_a_draft_whose_list_carries_the_marker(sim: Simulator, name: str) -> None:
    mark = marker()
    campaign = ask(sim, lambda client: client.campaigns.create(name, mark, seats(sim)[:2]))
    made = sim.get("/campaign/GetById", campaignId=campaign)
    assert (made["status"], made["campaignAccountIds"]) == ("DRAFT", sim.seats()[:2])
    assert made["linkedInUserListName"].endswith(f"[{mark}]")
    assert len(made["linkedInUserListName"]) < 110
    assert 1 <= len(made["name"].encode("utf-16-le")) // 2 <= 50
    assert name.strip()[:20] in made["name"]


def test_nothing_is_created_without_senders(sim: Simulator) -> None:
    for senders in ([], ["me@sender.example"]):
        gate = CountingGate()
        with pytest.raises(Refused):
            ask(sim, lambda client, senders=senders: client.campaigns.create("Spring", marker(), senders), gate=gate)
        assert gate.passed == 0


def test_each_part_leaves_the_others_as_they_are(sim: Simulator) -> None:
    spare = sim.list_(name="Spare")
    campaign = str(
        sim.draft(
            excludeContactedFromOtherCampaigns=True,
            excludeContactedFromSenderInOtherCampaign=True,
            excludeListId=spare,
        )
    )
    before = stands(sim, campaign)
    for _ in range(2):
        ask(sim, lambda client: client.campaigns.put_name(campaign, "Autumn", "obx-1"))
        ask(sim, lambda client: client.campaigns.put_sequence(campaign, STEPS))
        ask(sim, lambda client: client.campaigns.put_schedule(campaign, SCHEDULE))
        ask(sim, lambda client: client.campaigns.put_senders(campaign, seats(sim)[1:]))
        after = stands(sim, campaign)
        assert (after["name"], after["account_ids"]) == ("Autumn", sim.seats()[1:])
        assert (after["settings"], after["list_id"]) == (before["settings"], before["list_id"])
        assert after["settings"] == {
            "excludeContactedFromOtherCampaigns": True, "excludeHasOtherAccConversations": False,
            "excludeContactedFromSenderInOtherCampaign": True, "excludeListId": spare,
        }  # fmt: skip
        assert after["schedule"]["timeZoneId"] == "Europe/Lisbon"
        assert after["sequence"]["nodeType"] == "CONNECTION_REQUEST"


def test_a_draft_that_hides_is_renamed_and_started_all_the_same(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    sim.faults(hidden_draft=True)
    ask(sim, lambda client: client.campaigns.put_name(campaign, "Autumn", "obx-1"))
    ask(sim, lambda client: client.campaigns.put_sequence(campaign, STEPS))
    ask(sim, lambda client: client.campaigns.set_active(campaign, True))
    assert stands(sim, campaign)["name"] == "Autumn"
    assert stands(sim, campaign)["status"] != "DRAFT"


def test_a_schedule_is_set_as_a_whole(sim: Simulator) -> None:
    campaign = running(sim)
    ask(sim, lambda client: client.campaigns.set_active(campaign, False))
    ask(sim, lambda client: client.campaigns.put_schedule(campaign, SCHEDULE))
    hours = stands(sim, campaign)["schedule"]
    assert (hours["dailyStartTime"], hours["dailyEndTime"]) == ("08:30:00", "16:45:00")
    days = [name for name, on in hours.items() if on is True]
    assert days == ["enabledMonday", "enabledWednesday", "enabledSunday"]


def test_senders_are_exactly_those_requested(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    first, second, third = seats(sim)
    for wanted in ([first, second], [third, second], [third], [third]):
        ask(sim, lambda client, wanted=wanted: client.campaigns.put_senders(campaign, wanted))
        assert stands(sim, campaign)["account_ids"] == sorted(int(seat) for seat in wanted)
    with pytest.raises(Refused):
        ask(sim, lambda client: client.campaigns.put_senders(campaign, []))


def test_a_sender_of_another_account_is_refused(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    foreign = ask(sim, lambda client: client.account.list_senders(), key=OTHER_KEY)[0].external_id
    with pytest.raises(Refused):
        ask(sim, lambda client: client.campaigns.put_senders(campaign, [foreign]))


def test_a_running_campaign_is_not_edited(sim: Simulator) -> None:
    campaign = running(sim)
    with pytest.raises(Refused) as refusal:
        ask(sim, lambda client: client.campaigns.put_name(campaign, "Autumn", "obx-1"))
    assert refusal.value.status == 400
    ask(sim, lambda client: client.campaigns.set_active(campaign, False))
    ask(sim, lambda client: client.campaigns.put_name(campaign, "Autumn", "obx-1"))
    assert stands(sim, campaign)["name"] == "Autumn"


def test_words_and_waits_of_a_started_campaign_can_be_changed_and_its_form_cannot(sim: Simulator) -> None:
    campaign = running(sim)
    ask(sim, lambda client: client.campaigns.set_active(campaign, False))
    changed = [STEPS[0], STEPS[1], Step(3, 9, "", "Other words", "message")]
    for _ in range(2):
        ask(sim, lambda client: client.campaigns.put_sequence(campaign, changed))
    last = stands(sim, campaign)["sequence"]["conditionalNode"]["unconditionalNode"]
    assert (last["payload"]["messages"], last["actionDelay"], last["actionDelayUnit"]) == (["Other words"], 9, "DAY")
    with pytest.raises(Refused):
        ask(sim, lambda client: client.campaigns.put_sequence(campaign, STEPS[:2]))


@pytest.mark.usefixtures("no_hooks")
def test_a_webhook_is_registered_once_for_each_campaign_and_kind(sim: Simulator) -> None:
    first, second = new_campaign(sim), new_campaign(sim)
    sim.hook("https://example.com/somebody-else", "MESSAGE_SENT", int(first))
    for campaign in (first, second, first, second):
        ask(sim, lambda client, campaign=campaign: client.webhooks.put(campaign, URL))
    for campaign in (first, second):
        ours = [row for row in hooks(sim, campaign) if row["webhookUrl"] == URL]
        assert sorted(row["eventType"] for row in ours) == sorted(HOOKS)
        assert all(row["isActive"] for row in ours)
    assert len(hooks(sim)) == 2 * len(HOOKS) + 1


@pytest.mark.usefixtures("no_hooks")
def test_webhooks_that_are_wrong_are_corrected_and_those_that_are_too_many_deleted(sim: Simulator) -> None:
    campaign, other = new_campaign(sim), new_campaign(sim)
    ask(sim, lambda client: client.webhooks.put(other, URL))
    for kind in ("MESSAGE_SENT", "INMAIL_SENT"):
        sim.hook(URL, kind, int(campaign))
        sim.hook(URL, kind, int(campaign))
    sim.hook(URL, "MESSAGE_REPLY_RECEIVED")
    off = hooks(sim, campaign)[0]["id"]
    sim.ask("PATCH", "/webhooks/UpdateWebhook", {"isActive": False}, webhookId=off)
    ask(sim, lambda client: client.webhooks.put(campaign, URL))
    assert sorted(row["eventType"] for row in hooks(sim, campaign)) == sorted(HOOKS)
    assert all(row["isActive"] for row in hooks(sim))
    assert len(hooks(sim)) == 2 * len(HOOKS)
    assert off not in [row["id"] for row in hooks(sim)]  # of two, the one that needs nothing stays


@pytest.mark.usefixtures("no_hooks")
def test_a_new_address_moves_the_webhooks(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    ask(sim, lambda client: client.webhooks.put(campaign, URL))
    before = [row["id"] for row in hooks(sim)]
    ask(sim, lambda client: client.webhooks.put(campaign, f"{URL}-2"))
    assert [(row["id"], row["webhookUrl"]) for row in hooks(sim)] == [(key, f"{URL}-2") for key in before]


def test_a_draft_is_paused_as_it_is(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    ask(sim, lambda client: client.campaigns.set_active(campaign, False))
    assert stands(sim, campaign)["status"] == "DRAFT"
    with pytest.raises(Refused) as refusal:  # it has no sequence
        ask(sim, lambda client: client.campaigns.set_active(campaign, True))
    assert refusal.value.status == 400


def test_a_campaign_that_is_still_starting_is_paused(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    sim.set(starting_s=3600)
    ask(sim, lambda client: client.campaigns.put_sequence(campaign, STEPS))
    for active, status in ((True, "STARTING"), (True, "STARTING"), (False, "PAUSED")):
        ask(sim, lambda client, active=active: client.campaigns.set_active(campaign, active))
        assert stands(sim, campaign)["status"] == status


def test_an_empty_campaign_that_rests_goes_on_with_its_people(sim: Simulator) -> None:
    campaign = running(sim)
    for active in (False, True):
        ask(sim, lambda client, active=active: client.campaigns.set_active(campaign, active))
    sim.clock(advance=2)
    wait_for(lambda: stands(sim, campaign)["status"] == "PAUSED")
    ask(sim, lambda client: client.leads.add(campaign, people(*fresh())))
    assert stands(sim, campaign)["status"] == "IN_PROGRESS"


@pytest.mark.parametrize("only_paused", [True, False])
def test_a_campaign_that_has_ended_waits_for_people(own: Callable[..., Simulator], only_paused: bool) -> None:
    sim = own(autoplay=True)
    sim.set(hour_s=1000, pace_ms=1, resume_only_paused=only_paused)
    campaign = running(sim, [Step(1, 0, "", "", "profile_view")])
    ask(sim, lambda client: client.leads.add(campaign, people(*fresh())))

    def ended() -> bool:
        sim.clock(advance=4000)
        return stands(sim, campaign)["status"] == "FINISHED"

    wait_for(ended)
    sim.set(autoplay=False)  # who fails at once would end the campaign again before it is looked at
    ask(sim, lambda client: client.campaigns.set_active(campaign, True))
    (again,) = ask(sim, lambda client: client.leads.add(campaign, people(*fresh())))
    assert again.outcome is Outcome.PUSHED
    assert stands(sim, campaign)["status"] == "IN_PROGRESS"


@pytest.mark.parametrize("campaign", ["999999999", "no-number"])
def test_a_campaign_that_is_gone_has_its_status(sim: Simulator, campaign: str) -> None:
    verbs: list[Callable[[ProviderClient], Awaitable[Any]]] = [
        lambda client: client.campaigns.put_sequence(campaign, STEPS),
        lambda client: client.campaigns.put_name(campaign, "n", "m"),
        lambda client: client.campaigns.set_active(campaign, True),
        lambda client: client.leads.add(campaign, people(*fresh())),
    ]
    for verb in verbs:
        with pytest.raises(Refused) as refusal:
            ask(sim, verb)
        assert refusal.value.status == 404


def test_leads_are_added_with_their_fields_and_said_what_was_written(sim: Simulator) -> None:
    campaign, (address,) = running(sim), fresh()
    fields = {"obx_t_c_opener": "Loved it.", "obx_t_last_name": ""}
    lead = LeadToAdd(uuid4(), address, "Zoë", None, "Acme", fields, "Zoë@acme.example")
    (result,) = ask(sim, lambda client: client.leads.add(campaign, [lead]))
    assert (result.key, result.outcome, result.external_id) == (
        lead.key,
        Outcome.PUSHED,
        f"https://www.{lead.address}",
    )
    row = stored(sim, campaign)[f"https://www.{address}"]
    assert (row["first_name"], row["last_name"], row["email"]) == ("Zoë", None, "Zoë@acme.example")
    list_id = stands(sim, campaign)["list_id"]
    (listed,) = sim.post("/list/GetLeadsFromList", {"listId": list_id})["items"]
    assert {field["name"]: field["value"] for field in listed["customFields"]} == {
        "obx_t_c_opener": "Loved it.", "obx_t_last_name": UNSEEN,
    }  # fmt: skip
    assert listed["companyName"] == "Acme"


def test_a_note_is_what_its_template_renders(own: Callable[..., Simulator], receiver: Receiver) -> None:
    """What is empty does not bring the text for strangers, and what stands in a value is no variable."""
    sim = own(autoplay=True)
    sim.hook(receiver.url, "CONNECTION_REQUEST_SENT")
    written = "Hi {{first_name|you}} {{last_name}}, {{custom.opener}} at {{company_name|work}}"
    step = Step(1, 0, "", written, "connection_request")
    address = next(each for each in fresh(60) if not script(f"https://www.{each}").fails)
    person = {"first_name": "Zoë", "custom.opener": "{last_name} & {{custom.opener}}\n<b>"}
    lead = LeadToAdd(uuid4(), address, "Zoë", fields=fields_for(person, uses([step]), "text"))
    campaign = running(sim, [compiled_step(step)])
    ask(sim, lambda client: client.leads.add(campaign, [lead]))
    wait_for(lambda: receiver.bodies)
    shown = rendered(written, person, "text")
    assert "work" in shown
    assert receiver.bodies[0]["connection_message"] == shown.replace("Zoë ,", f"Zoë {UNSEEN},")


def test_leads_that_are_there_already_count_as_handed_over(sim: Simulator) -> None:
    campaign, addresses = running(sim), fresh(3)
    ask(sim, lambda client: client.leads.add(campaign, people(*addresses[:2])))
    results = ask(sim, lambda client: client.leads.add(campaign, people(*addresses)))
    assert [result.outcome for result in results] == [Outcome.PUSHED] * 3
    assert added(sim, campaign) == urls(addresses)


def test_a_full_batch_fits_into_one_request_and_is_spread_over_the_seats(sim: Simulator) -> None:
    campaign, gate = running(sim), CountingGate()
    addresses = fresh(HEYREACH.limits.leads_per_request)

    async def twice(client: ProviderClient) -> Any:
        await client.leads.add(campaign, people(*addresses))
        return await client.leads.add(campaign, people(*addresses))

    results = ask(sim, twice, gate=gate)
    assert gate.passed == 3  # the seats are requested once
    assert {result.outcome for result in results} == {Outcome.PUSHED}
    senders = [row["account_id"] for row in stored(sim, campaign).values()]
    assert all(senders.count(seat) > 15 for seat in sim.seats())


@pytest.mark.parametrize("fault", ["nothing_added", "partial_failure"])
def test_counts_that_do_not_account_for_all_leave_all_open(sim: Simulator, fault: str) -> None:
    campaign, addresses = running(sim), fresh(20)
    sim.faults(**{fault: True})
    results = ask(sim, lambda client: client.leads.add(campaign, people(*addresses)))
    assert {result.outcome for result in results} == {Outcome.UNCERTAIN}
    found = ask(sim, lambda client: client.leads.find_all(campaign, addresses, datetime.now(UTC)))
    assert {f"https://www.{address}" for address in found} == set(stored(sim, campaign))


def test_seats_that_have_changed_are_read_again(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    first, second, _ = seats(sim)
    ask(sim, lambda client: client.campaigns.put_sequence(campaign, STEPS))
    ask(sim, lambda client: client.campaigns.put_senders(campaign, [first]))
    ask(sim, lambda client: client.campaigns.set_active(campaign, True))
    wait_for(lambda: stands(sim, campaign)["status"] == "IN_PROGRESS")

    async def exchanged(client: ProviderClient) -> list[Outcome]:
        shown = [(await client.leads.add(campaign, people(*fresh())))[0].outcome]
        for verb, seat in (("Add", second), ("Remove", first)):
            body = {"campaignId": campaign, "linkedInAccountIds": [seat]}
            preposition = "To" if verb == "Add" else "From"
            sim.post(f"/campaign/{verb}LinkedInAccounts{preposition}Campaign", body)
        for _ in range(2):
            shown += [(await client.leads.add(campaign, people(*fresh())))[0].outcome]
        return shown

    assert ask(sim, exchanged) == [Outcome.PUSHED, Outcome.UNCERTAIN, Outcome.PUSHED]


def test_seats_that_were_exchanged_here_are_those_that_write(sim: Simulator) -> None:
    campaign = running(sim)

    async def exchanged(client: ProviderClient) -> list[Outcome]:
        shown = await client.leads.add(campaign, people(*fresh()))
        await client.campaigns.set_active(campaign, False)
        await client.campaigns.put_senders(campaign, seats(sim)[:1])
        shown += await client.leads.add(campaign, people(*fresh(6)))
        return [result.outcome for result in shown]

    assert ask(sim, exchanged) == [Outcome.PUSHED] * 7
    assert {row["account_id"] for row in list(stored(sim, campaign).values())[1:]} == {sim.seats()[0]}


def test_people_are_not_added_to_a_draft(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    with pytest.raises(Refused) as refusal:
        ask(sim, lambda client: client.leads.add(campaign, people(*fresh())))
    assert refusal.value.status == 404  # the campaign's fault and not the people's, who wait
    assert added(sim, campaign) == []


def test_people_are_found_by_their_profile_in_this_campaign_alone(sim: Simulator) -> None:
    campaign, other, addresses = running(sim), running(sim), fresh(3)
    sim.set(hide_pending=True)
    ask(sim, lambda client: client.leads.add(campaign, people(*addresses[:2])))
    ask(sim, lambda client: client.leads.add(other, people(addresses[2])))
    found = ask(sim, lambda client: client.leads.find_all(campaign, [*addresses, "a@b.example"], datetime.now(UTC)))
    assert found == dict(zip(addresses[:2], urls(addresses[:2]), strict=True))
    assert ask(sim, lambda client: client.leads.find(campaign, addresses[0].upper())) == f"https://www.{addresses[0]}"
    for absent in (addresses[2], *fresh()):
        assert ask(sim, lambda client, absent=absent: client.leads.find(campaign, absent)) is None


@pytest.mark.parametrize("for_good", [True, False])
def test_a_person_is_stopped_in_this_campaign_alone(sim: Simulator, for_good: bool) -> None:
    campaign, other, addresses = running(sim), running(sim), fresh(2)
    for place in (campaign, other):
        ask(sim, lambda client, place=place: client.leads.add(place, people(*addresses)))
    with recorded() as requests:
        for _ in range(2):
            ask(sim, lambda client: client.leads.stop(campaign, urls(addresses)[0], for_good=for_good))
    assert [row["stopped"] for row in stored(sim, campaign).values()] == [True, False]
    assert [row["stopped"] for row in stored(sim, other).values()] == [False, False]
    sent = [json.loads(request.content) for request in requests if request.url.path.endswith("StopLeadInCampaign")]
    member = stored(sim, campaign)[urls(addresses)[0]]["linkedin_id"]
    shown = {"campaignId": int(campaign), "leadUrl": urls(addresses)[0], "leadMemberId": member}
    assert sent == [shown, shown]


def test_a_person_who_is_not_there_is_stopped(sim: Simulator) -> None:
    campaign = running(sim)
    ask(sim, lambda client: client.leads.stop(campaign, url_of("nobody-at-all"), for_good=True))


def test_what_is_said_is_read_with_the_ids_of_the_campaign_and_the_person(sim: Simulator) -> None:
    campaign, (address,) = running(sim), fresh()
    ask(sim, lambda client: client.leads.add(campaign, people(address)))
    lead = ask(sim, lambda client: client.leads.find(campaign, address))
    (event,) = HEYREACH.parse_webhook(json.dumps(sim.play(int(campaign), str(lead), "connection_sent")).encode())
    assert (event.fact, event.external_campaign_id, event.external_lead_id) == (Fact.REQUEST_SENT, campaign, lead)
