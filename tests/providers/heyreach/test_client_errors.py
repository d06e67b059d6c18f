"""What the HeyReach client makes of failures: against a server that says what the test sets, and against the simulator.

No person is added twice, nothing is made twice, and nothing is certain that is not so.
"""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from providers.contract import ProviderClient
from providers.errors import CredentialRefused, Passing, ProviderError, Refused, Uncertain
from providers.heyreach import HEYREACH
from providers.heyreach.mapping import HOOKS
from providers.models import HookState, LeadToAdd, Outcome
from tests.providers.failures import HOWS, Verb, failure, holds, verbs_called_on
from tests.providers.heyreach import client_fixture as kit
from tests.providers.heyreach.client_fixture import SCHEDULE, STEPS, URL, people, quick_clients
from tests.providers.heyreach.simulator_fixture import KEY as SIM_KEY
from tests.providers.heyreach.simulator_fixture import Simulator, shared, sim
from tests.support.scripted import Scripted

__all__ = ["quick_clients", "shared", "sim"]
ADDRESS = "linkedin.com/in/ada-doe"
PERSON = f"https://www.{ADDRESS}"
LEAD = LeadToAdd(uuid4(), ADDRESS, "Ada")
VERBS: dict[str, Verb] = {
    "account.verify": lambda c: c.account.verify(),
    "account.list_senders": lambda c: c.account.list_senders(),
    "campaigns.find": lambda c: c.campaigns.find("obx-1"),
    "campaigns.create": lambda c: c.campaigns.create("n", "obx-1", ["7"]),
    "campaigns.has_begun": lambda c: c.campaigns.has_begun("5"),
    "campaigns.put_name": lambda c: c.campaigns.put_name("5", "n", "m"),
    "campaigns.put_sequence": lambda c: c.campaigns.put_sequence("5", STEPS),
    "campaigns.put_schedule": lambda c: c.campaigns.put_schedule("5", SCHEDULE),
    "campaigns.put_senders": lambda c: c.campaigns.put_senders("5", ["7"]),
    "campaigns.set_active": lambda c: c.campaigns.set_active("5", True),
    "leads.add": lambda c: c.leads.add("5", [LEAD]),
    "leads.find_all": lambda c: c.leads.find_all("5", [ADDRESS], datetime.now(UTC)),
    "leads.find": lambda c: c.leads.find("5", ADDRESS),
    "leads.stop": lambda c: c.leads.stop("5", PERSON, for_good=True),
    "inbox.read_figures": lambda c: c.inbox.read_figures("5"),
    "inbox.read_facts": lambda c: c.inbox.read_facts(["5"], datetime.now(UTC)),
    "inbox.read_thread": lambda c: c.inbox.read_thread("5", None, ADDRESS),
    "inbox.reply": lambda c: c.inbox.reply("5", None, ADDRESS, "Yes"),
    "webhooks.put": lambda c: c.webhooks.put("5", URL),
    "webhooks.check": lambda c: c.webhooks.check("5", URL),
    "webhooks.delete": lambda c: c.webhooks.delete("5", URL),
}
EDITS = ("create", "put_name", "put_sequence", "put_schedule", "put_senders")
PERSONS = ("leads.find_all", "leads.find", "inbox.read_thread")  # for these, who is not known is an answer
CAMPAIGN = {"id": 5, "status": "PAUSED", "linkedInUserListId": 6, "campaignAccountIds": [7]}
NOTHING: dict[str, Any] = {"totalCount": 0, "items": []}


@pytest.fixture
def server() -> Scripted:
    return Scripted("/api/public")


def ask(server: Scripted, verb: Verb) -> Any:
    return server.call(HEYREACH, verb)


def fails(server: Scripted, verb: Verb) -> ProviderError:
    return failure(server, HEYREACH, verb)


def said(sentence: str = "Words") -> dict[str, Any]:
    return {"errorMessage": sentence}


def row(number: int, kind: str, **more: Any) -> dict[str, Any]:
    """Return a webhook of ours."""
    hook = {"id": number, "webhookUrl": URL, "webhookName": HOOKS[kind], "eventType": kind, "campaignIds": [5]}
    return {**hook, "isActive": True, **more}


def page(*rows: dict[str, Any]) -> list[tuple[int, object]]:
    return [(200, {"totalCount": len(rows), "items": rows})]


def chat(person: str = PERSON, **more: Any) -> dict[str, Any]:
    return {"id": "c", "linkedInAccountId": 7, "correspondentProfile": {"profileUrl": person}, **more}


def prepare(server: Scripted, name: str) -> None:
    """Answer well what a verb only asks before, so that the common answer is that to the work itself."""
    if name in ("campaigns.put_name", "campaigns.set_active", "leads.add"):
        server.routes["/campaign/GetById"] = [(200, CAMPAIGN)]
    elif name == "campaigns.create":
        server.routes["/list/GetAll"] = page({"id": 6, "name": "n [obx-1]"})
    elif name == "webhooks.put":
        server.routes["/webhooks/GetAllWebhooks"] = [(200, NOTHING)]
    elif name == "webhooks.delete":
        server.routes["/webhooks/GetAllWebhooks"] = page(row(1, "MESSAGE_SENT"))
    elif name == "leads.stop":
        server.routes["/lead/GetLead"] = [(200, {"linkedin_id": "9"})]
    elif name == "inbox.reply":
        server.routes["/inbox/GetConversationsV2"] = page(chat())


def test_every_verb_is_here() -> None:
    assert VERBS.keys() == verbs_called_on(HEYREACH)


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.parametrize("how", HOWS)
def test_a_failure_says_whether_the_verb_may_have_been_done(server: Scripted, name: str, how: str) -> None:
    prepare(server, name)
    holds(server, HEYREACH, name, VERBS[name], how)


@pytest.mark.parametrize("name", VERBS)
def test_what_is_not_known_is_refused_and_who_is_not_known_is_nowhere(server: Scripted, name: str) -> None:
    for status in (400, 404):
        server.says(status, said())
        if name in PERSONS or (name, status) == ("leads.stop", 400):
            assert not ask(server, VERBS[name])
        else:
            error = fails(server, VERBS[name])
            assert (type(error), error.status) == (Refused, None if name == "inbox.reply" else status)


@pytest.mark.parametrize("name", sorted(VERBS.keys() - {"leads.add", "inbox.read_thread", "inbox.read_figures"}))
def test_a_page_for_people_proves_nothing(server: Scripted, name: str) -> None:
    prepare(server, name)
    server.says(200, b"<html>just a moment</html>", Content_Type="text/html")
    assert type(fails(server, VERBS[name])) is (Uncertain if name == "campaigns.create" else Passing)


def test_a_page_for_people_adds_no_lead(server: Scripted) -> None:
    prepare(server, "leads.add")
    server.says(200, b"<html>just a moment</html>", Content_Type="text/html")
    assert [result.outcome for result in ask(server, VERBS["leads.add"])] == [Outcome.UNCERTAIN]


ANSWERED = sorted(
    {
        *VERBS.keys(),
    }
    - {
        "account.verify",
        "campaigns.put_sequence",
        "campaigns.put_schedule",
        "campaigns.put_senders",
        "leads.stop",
        "inbox.read_figures",
    }
)


@pytest.mark.parametrize("name", ANSWERED)
def test_an_answer_of_another_form_proves_nothing(server: Scripted, name: str) -> None:
    """An empty list is said with `items`: what lacks them may not be read as an empty campaign."""
    for body in (b"", b'{"items": {}, "data": []}'):
        server.says(200, body)
        assert type(fails(server, VERBS[name])) is Passing


@pytest.mark.parametrize("body", [b"", b"{}", b'{"addedLeadsCount": 1}', b"1"])
def test_work_that_is_answered_without_its_end_is_open(server: Scripted, body: bytes) -> None:
    for name in ("campaigns.create", "leads.add"):
        prepare(server, name)
    server.says(200, body)
    assert type(fails(server, VERBS["campaigns.create"])) is Uncertain
    assert [result.outcome for result in ask(server, VERBS["leads.add"])] == [Outcome.UNCERTAIN]


def test_an_empty_page_means_that_nothing_is_there(server: Scripted) -> None:
    server.says(200, NOTHING)
    assert ask(server, VERBS["account.list_senders"]) == []
    assert ask(server, VERBS["campaigns.find"]) is None
    assert ask(server, VERBS["leads.find_all"]) == {}


def test_a_list_that_turns_in_a_circle_comes_to_an_end(server: Scripted) -> None:
    server.says(200, {"items": [{"id": number, "name": "other"} for number in range(100)]})
    assert type(fails(server, VERBS["campaigns.find"])) is Passing
    assert len(server.received) == 2


def test_people_on_later_pages_are_found(server: Scripted) -> None:
    pages: list[tuple[int, object]] = [
        (200, {"totalCount": 101, "items": [{"campaignId": number} for number in range(100, 200)]}),
        (200, {"totalCount": 101, "items": [{"campaignId": "5"}]}),
    ]
    server.routes["/campaign/GetCampaignsForLead"] = pages
    assert ask(server, VERBS["leads.find_all"]) == {ADDRESS: PERSON}


def test_a_filter_that_is_ignored_gives_no_other_list(server: Scripted) -> None:
    rows = [{"id": 1, "name": "other"}, {"id": 2, "name": "n [obx-1]", "listType": "COMPANY_LIST"}]
    server.routes["/list/GetAll"] = [(200, {"totalCount": 2, "items": rows})]
    server.routes["/list/CreateEmptyList"] = [(200, {"id": 3, "listType": "USER_LIST"})]
    server.routes["/campaign/Create"] = [(200, {"id": 9})]
    assert ask(server, VERBS["campaigns.create"]) == "9"
    assert server.paths() == ["/list/GetAll", "/list/CreateEmptyList", "/campaign/Create"]


@pytest.mark.parametrize("name", EDITS)
def test_a_workspace_without_subscription_refuses_the_call_and_keeps_the_key(server: Scripted, name: str) -> None:
    name = f"campaigns.{name}"
    prepare(server, name)
    server.says(403, b"")
    server.routes["/auth/CheckApiKey"] = [(200, b"")]
    error = fails(server, VERBS[name])
    assert (type(error), error.status) == (Refused, 403)


@pytest.mark.parametrize(
    ("active", "before", "after", "kind"),
    [
        (True, "PAUSED", "IN_PROGRESS", None), (True, "PAUSED", "STARTING", None), (True, "FINISHED", "FINISHED", None),
        (True, "DRAFT", "DRAFT", Refused), (True, "PAUSED", "PAUSED", Refused), (True, "FAILED", "FAILED", Refused),
        (True, "CANCELED", "CANCELED", Refused), (False, "IN_PROGRESS", "FINISHED", None),
        (False, "IN_PROGRESS", "PAUSED", None), (False, "IN_PROGRESS", "IN_PROGRESS", Refused),
        (False, "STARTING", "IN_PROGRESS", Passing), (False, "STARTING", "PAUSED", None),
    ],
)  # fmt: skip
def test_a_switch_that_is_refused_is_none_where_it_then_stands(
    server: Scripted, active: bool, before: str, after: str, kind: type[ProviderError] | None
) -> None:
    server.says(400, said())
    server.routes["/campaign/GetById"] = [(200, {**CAMPAIGN, "status": status}) for status in (before, after)]
    if kind is None:
        assert ask(server, lambda c: c.campaigns.set_active("5", active)) is None
    else:
        assert type(fails(server, lambda c: c.campaigns.set_active("5", active))) is kind
    verb = {"DRAFT": "StartCampaign"}.get(before, "Resume") if active else "Pause"
    assert server.paths()[1] == f"/campaign/{verb}?campaignId=5"


@pytest.mark.parametrize("status", ["DRAFT", "SCHEDULED", "PAUSED", "FINISHED", "FAILED", "CANCELED", "NEW"])
def test_what_does_not_run_is_paused_without_a_word(server: Scripted, status: str) -> None:
    server.routes["/campaign/GetById"] = [(200, {**CAMPAIGN, "status": status})]
    ask(server, lambda c: c.campaigns.set_active("5", False))
    assert len(server.received) == 1


@pytest.mark.parametrize(("status", "refused"), [("InSequence", True), ("Pending", True), ("Finished", False)])
def test_a_stop_that_is_refused_is_none_where_nothing_more_is_sent(
    server: Scripted, status: str, refused: bool
) -> None:
    server.routes["/lead/GetLead"] = [(200, {"linkedin_id": None})]
    server.routes["/campaign/GetCampaignsForLead"] = [
        (200, {"totalCount": 1, "items": [{"campaignId": 5, "leadStatus": status}]})
    ]
    server.says(400, said())
    if refused:
        assert type(fails(server, VERBS["leads.stop"])) is Refused
    else:
        assert ask(server, VERBS["leads.stop"]) is True


def test_a_campaign_without_senders_takes_no_lead(server: Scripted) -> None:
    server.routes["/campaign/GetById"] = [(200, {**CAMPAIGN, "campaignAccountIds": []})]
    assert type(fails(server, VERBS["leads.add"])) is Refused
    assert len(server.received) == 1


def test_a_webhook_that_went_between_asking_and_deleting_is_deleted(server: Scripted) -> None:
    rows = [row(number, kind) for number, kind in enumerate([*HOOKS, "MESSAGE_SENT"], start=1)]
    server.routes["/webhooks/GetAllWebhooks"] = [(200, {"totalCount": len(rows), "items": rows})]
    server.says(404, said())
    assert ask(server, VERBS["webhooks.put"]) is None
    assert server.paths()[1:] == ["/webhooks/DeleteWebhook?webhookId=7"]


@pytest.mark.parametrize(
    "rows",
    [[{"name": "no id"}], [{"id": None, "name": None}], [{"id": {}, "profileUrl": []}], [[], 5, None],
     [{"id": "1", "eventType": "MESSAGE_SENT", "webhookUrl": URL, "accountLimits": [], "campaignId": "²"}]],
)  # fmt: skip
def test_rows_of_another_form_raise_nothing_but_provider_errors(server: Scripted, rows: list[Any]) -> None:
    server.says(200, {"items": rows, "totalCount": "many", "id": 5, "status": "NEW", "campaignAccountIds": rows})
    for name, verb in VERBS.items():
        try:
            ask(server, verb)
        except ProviderError:
            continue
        except Exception as error:
            pytest.fail(f"{name} raised {error!r}")


def test_a_shield_in_front_refuses_nothing(server: Scripted) -> None:
    """A 403 that every question gets is said to an address, and passes."""
    prepare(server, "campaigns.put_name")
    server.says(403, b"")
    assert type(fails(server, VERBS["campaigns.put_name"])) is Passing


def test_a_stop_is_refused_where_the_campaign_is_gone(server: Scripted) -> None:
    """Who is in no campaign any more is not going, and a campaign that is gone stops no lead."""
    prepare(server, "leads.stop")
    server.routes["/campaign/GetCampaignsForLead"] = page({"campaignId": 5, "leadStatus": "Finished"})
    server.says(404, said())
    assert fails(server, VERBS["leads.stop"]).status == 404
    server.says(200, b"")
    for status, stopped in (("Finished", True), ("InSequence", False), ("Paused", False)):
        server.routes["/campaign/GetCampaignsForLead"] = page({"campaignId": 5, "leadStatus": status})
        assert ask(server, VERBS["leads.stop"]) is stopped
    server.routes["/campaign/GetCampaignsForLead"] = page({"campaignId": 6, "leadStatus": "Finished"})
    assert ask(server, VERBS["leads.stop"]) is False


def test_a_campaign_that_still_starts_takes_people_later(server: Scripted) -> None:
    server.routes["/campaign/GetById"] = [(200, {**CAMPAIGN, "status": "STARTING"})]
    error = fails(server, VERBS["leads.add"])
    assert (type(error), error.retry_after) == (Passing, 2.0)


def test_a_campaign_that_takes_no_lead_any_more_is_to_blame_and_not_its_people(server: Scripted) -> None:
    async def twice(client: ProviderClient) -> None:
        await client.leads.add("5", [LEAD])
        await client.leads.add("5", [LEAD])

    for status, expected in (("CANCELED", 404), ("IN_PROGRESS", 400)):
        server.routes["/campaign/GetById"] = [(200, CAMPAIGN), (200, {**CAMPAIGN, "status": status})]
        counts = {"addedLeadsCount": 1, "updatedLeadsCount": 0, "failedLeadsCount": 0}
        server.routes["/campaign/AddLeadsToCampaignV2"] = [(200, counts), (400, said())]
        error = fails(server, twice)
        assert (type(error), error.status) == (Refused, expected)


@pytest.mark.parametrize(
    ("status", "begun"), [("DRAFT", False), ("SCHEDULED", False), ("STARTING", True), ("PAUSED", True)]
)
def test_what_was_started_has_begun(server: Scripted, status: str, begun: bool) -> None:
    server.routes["/campaign/GetById"] = [(200, {**CAMPAIGN, "status": status})]
    assert ask(server, VERBS["campaigns.has_begun"]) is begun


def test_conversations_that_an_ignored_filter_lists_are_passed_over(server: Scripted) -> None:
    other = chat("https://www.linkedin.com/in/somebody-else", messages=[{"body": "No", "sender": "CORRESPONDENT"}])
    server.routes["/inbox/GetConversationsV2"] = page(
        other, chat(messages=[{"body": "Yes", "sender": "CORRESPONDENT"}])
    )
    assert [message.body for message in ask(server, VERBS["inbox.read_thread"])] == ["Yes"]


def test_a_webhook_counts_as_made_when_its_id_is_returned(server: Scripted) -> None:
    prepare(server, "webhooks.put")
    server.says(200, {})
    assert type(fails(server, VERBS["webhooks.put"])) is Passing
    server.says(200, {"webhookId": 3})
    assert ask(server, VERBS["webhooks.put"]) is None


def test_one_webhook_that_is_off_or_missing_is_seen(server: Scripted) -> None:
    rows = [row(number, kind) for number, kind in enumerate(HOOKS, start=1)]
    for listed, state in (
        (rows, HookState.WORKING),
        (rows[:-1], HookState.MISSING),
        ([*rows[:-1], {**rows[-1], "isActive": False}], HookState.DISABLED),
    ):
        server.routes["/webhooks/GetAllWebhooks"] = page(*listed)
        assert ask(server, VERBS["webhooks.check"]) is state


def test_every_post_brings_json_and_the_key_only_in_its_header(sim: Simulator) -> None:
    with kit.recorded() as requests:
        campaign = kit.running(sim)
        kit.ask(sim, lambda client: client.account.verify())
        kit.ask(sim, lambda client: client.leads.add(campaign, people(*kit.fresh())))
        kit.ask(sim, lambda client: client.campaigns.set_active(campaign, False))
    assert len(requests) > 8
    for request in requests:
        assert request.headers["x-api-key"] == SIM_KEY
        assert SIM_KEY not in str(request.url)
        if request.method == "POST":
            assert request.headers["content-type"] == "application/json"
            assert isinstance(json.loads(request.content), dict)


def test_a_workspace_that_may_create_nothing_is_no_shield(sim: Simulator) -> None:
    sim.set(campaign_api={SIM_KEY: "forbidden"})
    with pytest.raises(Refused) as refusal:
        kit.new_campaign(sim)
    assert (refusal.value.status, isinstance(refusal.value, CredentialRefused)) == (403, False)


@pytest.mark.parametrize("fault", ["lost_response", "malformed"])
def test_a_list_whose_answer_is_lost_is_found_again(sim: Simulator, fault: str) -> None:
    mark, seats = kit.marker(), kit.seats(sim)
    sim.faults(**{fault: {"rate": 1, "times": 1, "paths": ["CreateEmptyList"]}})
    with pytest.raises(Passing):
        kit.ask(sim, lambda client: client.campaigns.create("Spring", mark, seats))
    assert kit.ask(sim, lambda client: client.campaigns.find(mark)) is None
    campaign = kit.ask(sim, lambda client: client.campaigns.create("Spring", mark, seats))
    assert kit.ask(sim, lambda client: client.campaigns.find(mark)) == campaign
    assert len(sim.post("/list/GetAll", {"keyword": mark})["items"]) == 1


def find(sim: Simulator, campaign: str, addresses: list[str]) -> set[str]:
    """Ask who is there, until there is an answer."""
    while True:
        try:
            return set(kit.ask(sim, lambda client: client.leads.find_all(campaign, addresses, datetime.now(UTC))))
        except Passing:
            continue


def hand_over(sim: Simulator, campaign: str, leads: list[LeadToAdd]) -> tuple[set[UUID], str]:
    """Push a batch as the product does: look after a lost answer only. Return who is settled and what was said."""
    before, shown = kit.added(sim, campaign), "answered"
    try:
        results = kit.ask(sim, lambda client: client.leads.add(campaign, leads))
    except Uncertain:
        results, shown = [], "uncertain"
    except Passing:
        assert kit.added(sim, campaign) == before
        return set(), "passing"
    pushed = {result.key for result in results if result.outcome is Outcome.PUSHED}
    found = find(sim, campaign, [lead.address for lead in leads if lead.key not in pushed])
    return pushed | {lead.key for lead in leads if lead.address in found}, shown


def test_through_all_faults_every_lead_is_added_once(sim: Simulator) -> None:
    campaign, leads = kit.running(sim), people(*kit.fresh(30))
    kinds = ("rate_limited", "server_error", "lost_response", "malformed", "nothing_added", "partial_failure")
    sim.faults(seed=1, **{kind: {"rate": 0.3, "paths": ["AddLeads"]} for kind in kinds})
    settled, seen = set[UUID](), set[str]()
    for _ in range(100):
        waiting = [lead for lead in leads if lead.key not in settled][:5]
        if not waiting:
            break
        shown, how = hand_over(sim, campaign, waiting)
        settled, seen = settled | shown, seen | {how}
    sim.faults()
    assert kit.added(sim, campaign) == sorted(f"https://www.{lead.address}" for lead in leads)
    assert seen == {"answered", "uncertain", "passing"}


def test_the_key_is_in_no_log_and_no_exception(sim: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    errors: list[BaseException] = []
    for fault in ("rate_limited", "server_error", "lost_response", "malformed"):
        sim.faults(**{fault: True})
        for name in ("account.list_senders", "campaigns.create", "leads.stop"):
            with pytest.raises(ProviderError) as caught:
                kit.ask(sim, VERBS[name])
            errors.append(caught.value)
    for error in errors:
        assert SIM_KEY not in f"{error!s}{error!r}{error.args}"
        assert SIM_KEY not in "".join(traceback.format_exception(error))
    assert len(errors) == 12
    assert SIM_KEY not in caplog.text
