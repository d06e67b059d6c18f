"""What three providers say and do of a whole account: webhooks' health, block lists, pausing and senders' health."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from providers.errors import Refused
from providers.models import Fact, HookState, Outcome, SenderSeen
from providers.registry import PROVIDERS
from tests.providers.conformance import HARNESSES, URL, Harness
from tests.providers.conformance_fixture import facts_of, it, only, receiver, shared, who
from tests.providers.conformance_verbs import VERBS
from tests.providers.heyreach.client_fixture import quick_clients
from tests.providers.smartlead.simulator_fixture import hook
from tests.support.clients import CountingGate
from tests.support.simulator_process import Receiver, wait_for

__all__ = ["it", "quick_clients", "receiver", "shared"]


# Webhooks


def hook_state(it: Harness, campaign: str, url: str = URL) -> HookState:
    return it.ask(lambda client: client.webhooks.check(campaign, url))


def bare_campaign(it: Harness) -> str:
    return it.ask(lambda client: client.campaigns.create("Hooks", f"obx-{uuid4().hex}", it.senders()))


def test_a_webhook_is_seen_to_work_or_to_be_missing(it: Harness) -> None:
    campaign, other = bare_campaign(it), bare_campaign(it)
    it.ask(lambda client: client.webhooks.put(other, URL))
    for _ in range(2):
        assert hook_state(it, campaign) is HookState.MISSING
        it.ask(lambda client: client.webhooks.put(campaign, URL))
        assert hook_state(it, campaign) is HookState.WORKING
        for _ in range(2):
            it.ask(lambda client: client.webhooks.delete(campaign, URL))
            assert it.hooks(campaign) == []
    assert hook_state(it, campaign) is HookState.MISSING
    assert hook_state(it, other) is HookState.WORKING
    assert len(it.hooks(other)) == it.hook_count


def test_a_webhook_that_leads_elsewhere_does_not_work(it: Harness) -> None:
    campaign, url = bare_campaign(it), f"{URL}new"
    it.ask(lambda client: client.webhooks.put(campaign, URL))
    assert hook_state(it, campaign, url) in (HookState.MISSING, HookState.DISABLED)
    it.ask(lambda client: client.webhooks.put(campaign, url))
    assert hook_state(it, campaign, url) is HookState.WORKING


@only("heyreach")
def test_every_kind_of_event_needs_its_webhook(it: Harness) -> None:
    campaign = bare_campaign(it)
    for place in range(it.hook_count):
        it.ask(lambda client: client.webhooks.put(campaign, URL))
        it.sim.ask("DELETE", "/webhooks/DeleteWebhook", webhookId=it.hooks(campaign)[place]["id"])
        assert hook_state(it, campaign) is HookState.MISSING
    it.ask(lambda client: client.webhooks.put(campaign, URL))
    assert hook_state(it, campaign) is HookState.WORKING


def silence(it: Harness, campaign: str, person: str, receiver: Receiver) -> None:
    """Have a campaign's webhook stand there and tell nothing of replies."""
    first, *_ = it.hooks(campaign)
    if it.name == "smartlead":
        body = hook(receiver.url, id=first["id"], event_types=["EMAIL_SENT"])
        it.sim.post(f"/campaigns/{campaign}/webhooks", body)
    elif it.name == "instantly":
        it.sim.set(disable_after=2)
        receiver.refuse = 2
        it.play(campaign, person, "sent")
        wait_for(lambda: it.hooks(campaign)[0]["status"] == -1)
    else:
        replies = next(row for row in it.hooks(campaign) if row["eventType"] == "MESSAGE_REPLY_RECEIVED")
        answer = it.sim.ask("PATCH", "/webhooks/UpdateWebhook", {"isActive": False}, webhookId=replies["id"])
        assert answer.is_success


def test_a_webhook_that_is_switched_off_is_seen_and_mended(it: Harness, receiver: Receiver) -> None:
    people = it.fresh(3)
    campaign = it.running(*people, url=receiver.url)
    assert hook_state(it, campaign, receiver.url) is HookState.WORKING
    silence(it, campaign, people[0], receiver)
    assert hook_state(it, campaign, receiver.url) is HookState.DISABLED
    it.play(campaign, people[1], "reply")
    it.ask(lambda client: client.webhooks.put(campaign, receiver.url))
    assert hook_state(it, campaign, receiver.url) is HookState.WORKING
    assert len(it.hooks(campaign)) == it.hook_count
    it.play(campaign, people[2], "reply")

    def replied() -> set[str]:
        return {who(event) for _, event in facts_of(it, receiver) if event.fact is Fact.REPLIED}

    wait_for(replied)
    assert replied() == {people[2]}


# What some plans and keys lack


@only("instantly")
@pytest.mark.parametrize(("fault", "status"), [("forbidden", 403), ("payment_required", 402)])
def test_what_a_plan_lacks_is_refused_and_the_key_is_still_good(it: Harness, fault: str, status: int) -> None:
    optional = ["put_webhook", "check_webhook", "delete_webhook", "read_thread", "reply", "read_facts"]
    for verb in (*optional, "list_blocked", "block", "unblock"):
        work = VERBS[verb](it)
        before = work.look()
        it.sim.faults(**{fault: {"rate": 1, "paths": ["/emails", "/webhooks", "/block-lists-entries"]}})
        with pytest.raises(Refused) as refusal:
            it.ask(work.do)
        it.sim.faults()
        assert (type(refusal.value), refusal.value.status) == (Refused, status), verb
        assert work.look() == before


# Block lists

BLOCKING = [name for name in HARNESSES if PROVIDERS[name].traits.block_list]


def blocked(it: Harness) -> set[str]:
    listed = it.ask(lambda client: client.block_list.entries())
    assert sorted(listed) == it.blocked()
    return listed


def block(it: Harness, *entries: str) -> None:
    it.ask(lambda client: client.block_list.add(entries))


def unblock(it: Harness, *entries: str) -> int:
    """Take these off the list, and return in how many requests."""
    gate = CountingGate()
    it.ask(lambda client: client.block_list.remove(entries), gate=gate)
    return gate.passed


def similar(domain: str) -> list[str]:
    """Return entries of which some are parts of others, or nearly are."""
    return [f"ana@{domain}", f"banana@{domain}", f"ana@{domain}.uk", f"an_@{domain}", f"mail.{domain}", domain]


@only(*BLOCKING)
@pytest.mark.parametrize("few", [20, 0])
def test_exactly_what_is_named_is_taken_off_a_block_list(
    it: Harness, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"providers.{it.name}.block_list.FEW", few)
    domain = f"{uuid4().hex[:8]}.example"
    before, left = blocked(it), similar(domain)
    for _ in range(2):
        block(it, *left)
        assert blocked(it) == before | set(left)
    for gone in ([f"an_@{domain}"], [domain, f"nobody@{domain}"], [f"ana@{domain}", f"mail.{domain}"]):
        left = [entry for entry in left if entry not in gone]
        for _ in range(2):
            assert unblock(it, *gone) > 0
            assert blocked(it) == before | set(left)
    unblock(it, f"nobody@{domain}", f"nobody.{domain}", "example", "_")
    assert blocked(it) == before | set(left)


@only(*BLOCKING)
@pytest.mark.parametrize("few", [20, 3])
def test_a_block_list_is_written_in_batches_and_read_page_by_page(
    it: Harness, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, size in (("calls.PAGE", 2), ("block_list.PAGE", 2), ("block_list.BATCH", 3), ("block_list.FEW", few)):
        monkeypatch.setattr(f"providers.{it.name}.{place}", size, raising=False)
    domain, gate = f"{uuid4().hex[:8]}.example", CountingGate()
    entries = [*(f"p{place}@{domain}" for place in range(7)), domain]
    it.ask(lambda client: client.block_list.add(entries), gate=gate)
    assert gate.passed == 3
    assert {entry for entry in blocked(it) if domain in entry} == {*entries}
    unblock(it, domain)
    assert {entry for entry in blocked(it) if domain in entry} == {*entries[:-1]}
    unblock(it, *entries)
    assert not {entry for entry in blocked(it) if domain in entry}


@only(*BLOCKING)
def test_many_are_taken_off_by_reading_the_list_once(it: Harness) -> None:
    mark = uuid4().hex[:8]
    entries = [f"p{place}@{mark}.example" for place in range(120)]
    block(it, *entries)
    before = len(it.blocked())
    answer = unblock(it, *entries[:110])
    assert answer <= (110 if it.name == "smartlead" else 1) + before // 100 + 2
    assert {entry for entry in blocked(it) if mark in entry} == {*entries[110:]}


@only(*BLOCKING)
def test_of_nothing_there_is_no_request(it: Harness) -> None:
    gate, before = CountingGate(), it.blocked()
    it.ask(lambda client: client.block_list.add([]), gate=gate)
    it.ask(lambda client: client.block_list.remove([]), gate=gate)
    assert (gate.passed, it.blocked()) == (0, before)


@only(*BLOCKING)
def test_what_was_blocked_by_hand_is_read_in_lower_case_and_can_be_taken_off(it: Harness) -> None:
    address = f"Ana.{uuid4().hex[:8]}@Client.Example"
    block(it, address)
    assert it.blocked().count(address.lower()) == 1
    assert address.lower() in blocked(it)
    unblock(it, address.lower())
    assert address.lower() not in blocked(it)


@only(*BLOCKING)
def test_who_is_on_the_block_list_is_not_accepted_and_the_others_are(it: Harness) -> None:
    address, other, fine = it.fresh(3)
    domain = f"{uuid4().hex[:8]}.example"
    campaign = it.running()
    block(it, address, domain)
    leads = it.people([address, fine, f"somebody@{domain}", other])
    shown = it.ask(lambda client: client.leads.add(campaign, leads))
    assert [(result.outcome, result.reason) for result in shown] == [
        (Outcome.FAILED, "not_accepted"),
        (Outcome.PUSHED, None),
    ] * 2
    assert it.added(campaign, [lead.address for lead in leads]) == sorted([fine, other])
    unblock(it, address, domain)
    shown = it.ask(lambda client: client.leads.add(campaign, leads))
    assert {result.outcome for result in shown} <= {Outcome.PUSHED, Outcome.UNCERTAIN}
    assert it.added(campaign, [lead.address for lead in leads]) == sorted(lead.address for lead in leads)


# Senders


def sender(it: Harness, external_id: str) -> SenderSeen:
    listed = it.ask(lambda client: client.account.list_senders())
    return next(seen for seen in listed if seen.external_id == external_id)


def log_out(it: Harness, seat: str, in_again: bool) -> None:
    answer = it.sim.control.patch(f"/accounts/{seat}", json={"auth_is_valid": in_again})
    assert answer.is_success


def lose_connection(it: Harness, mailbox: str) -> None:
    (person,) = it.fresh()
    campaign = it.running(person)
    it.ask(lambda client: client.campaigns.put_senders(campaign, [mailbox]))
    it.play(campaign, person, "account_error")


Change = Callable[[Any, str], object]
ILLS: dict[str, dict[str, tuple[Change, Change]]] = {
    "smartlead": {
        "suspended": (
            lambda it, sender: it.sim.ask("PUT", f"/email-accounts/suspend/{sender}").raise_for_status(),
            lambda it, sender: it.sim.ask("DELETE", f"/email-accounts/unsuspend/{sender}").raise_for_status(),
        ),
    },
    "instantly": {
        "paused": (
            lambda it, sender: it.sim.post(f"/accounts/{sender}/pause"),
            lambda it, sender: it.sim.post(f"/accounts/{sender}/resume"),
        ),
        "connection_failed": (
            lose_connection,
            lambda it, sender: it.sim.post(f"/accounts/{sender}/mark-fixed"),
        ),
    },
    "heyreach": {
        "signed_out": (
            lambda it, sender: log_out(it, sender, False),
            lambda it, sender: log_out(it, sender, True),
        ),
    },
}


def test_a_sender_that_is_unwell_is_seen_and_the_others_are_not(it: Harness) -> None:
    ill, well, *_ = it.senders()
    before = sender(it, ill)
    assert (before.active, before.health.problem) == (True, None)
    for problem, (fall_ill, recover) in ILLS[it.name].items():
        fall_ill(it, ill)
        seen = sender(it, ill)
        assert (seen.active, seen.health.problem) == (False, problem)
        assert sender(it, well).health.problem is None
        recover(it, ill)
        assert sender(it, ill) == before


def test_a_sender_says_what_it_may_do_in_a_day_and_how_warm_it_is(it: Harness) -> None:
    listed = [seen.health for seen in it.ask(lambda client: client.account.list_senders())]
    if it.name == "heyreach":
        limits = {"connection_requests", "messages", "inmails", "profile_views", "follows"}
        assert [set(health.limits) for health in listed] == [limits] * 3
        seat = it.senders()[0]
        it.sim.control.patch(f"/accounts/{seat}", json={"limits": {"messageLimit": 7}})
        assert sender(it, seat).health.limits["messages"] == 7
    assert {health.sent_today for health in listed} == ({0} if it.name == "smartlead" else {None})
    scores = {health.warmup_score for health in listed}
    assert all(score is None or 0 <= score <= 100 for score in scores)
    assert (scores == {None}) is (it.name == "heyreach")


# Pausing one person: the last, since time passes in all campaigns


@only(*(name for name in HARNESSES if PROVIDERS[name].features.lead_pause))
def test_who_is_paused_gets_nothing_until_they_go_on(it: Harness) -> None:
    *people, late = it.fresh(4)
    campaign = it.running(*people)
    lead = it.ask(lambda client: client.leads.find(campaign, people[1]))
    assert lead is not None

    def written_to() -> set[str]:
        return {name for name, row in it.leads(campaign).items() if row["last_seq"]}

    it.ask(lambda client: client.leads.pause(campaign, lead))
    it.sim.set(autoplay=True, pace_ms=0)
    wait_for(lambda: written_to() == {people[0], people[2]})
    it.sim.clock(advance=86_400)
    it.ask(lambda client: client.leads.add(campaign, it.people([late])))
    wait_for(lambda: late in written_to())
    assert people[1] not in written_to()
    it.ask(lambda client: client.leads.resume(campaign, lead))
    wait_for(lambda: people[1] in written_to())
