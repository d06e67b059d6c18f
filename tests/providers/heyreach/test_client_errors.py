"""What the HeyReach client makes of failures: against a server that says what it is told, and against the simulator.

No person is added twice, nothing is made twice, and nothing is certain that is not so.
"""

import json
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from uuid import UUID, uuid4

import pytest

from providers.contract import ProviderClient
from providers.errors import CredentialRefused, Passing, ProviderError, Refused, Uncertain
from providers.heyreach import HEYREACH
from providers.heyreach.mapping import HOOKS
from providers.models import LeadToAdd, Outcome
from tests.engine import free_port
from tests.providers.heyreach import client_fixture as kit
from tests.providers.heyreach.client_fixture import SCHEDULE, STEPS, URL, people, quick_clients
from tests.providers.heyreach.simulator_fixture import KEY as SIM_KEY
from tests.providers.heyreach.simulator_fixture import Simulator, shared, sim, wait_for
from tests.providers.smartlead.test_client_errors import Scripted
from tests.support.clients import call

__all__ = ["quick_clients", "shared", "sim"]
KEY = "a-key-that-belongs-in-no-log"
ADDRESS = "linkedin.com/in/ada-doe"
PERSON = f"https://www.{ADDRESS}"
Verb = Callable[[ProviderClient], Awaitable[Any]]
LEAD = LeadToAdd(uuid4(), ADDRESS, "Ada")
READS: dict[str, Verb] = {
    "verify": lambda c: c.account.verify(),
    "list_senders": lambda c: c.account.list_senders(),
    "find_campaign": lambda c: c.campaigns.find("obx-1"),
    "find_leads": lambda c: c.leads.find_all("5", [ADDRESS], datetime.now(UTC)),
    "find_lead": lambda c: c.leads.find("5", ADDRESS),
}
REPEATABLE: dict[str, Verb] = {
    "put_name": lambda c: c.campaigns.put_name("5", "n", "m"),
    "put_sequence": lambda c: c.campaigns.put_sequence("5", STEPS),
    "put_schedule": lambda c: c.campaigns.put_schedule("5", SCHEDULE),
    "put_senders": lambda c: c.campaigns.put_senders("5", ["7"]),
    "put_webhook": lambda c: c.webhooks.put("5", URL),
    "set_active": lambda c: c.campaigns.set_active("5", True),
    "stop_lead": lambda c: c.leads.stop("5", PERSON, for_good=True),
}
UNREPEATABLE: dict[str, Verb] = {
    "create_campaign": lambda c: c.campaigns.create("n", "obx-1", ["7"]),
    "add_leads": lambda c: c.leads.add("5", [LEAD]),
}
ALL = {**READS, **REPEATABLE, **UNREPEATABLE}
EDITS = ("create_campaign", "put_name", "put_sequence", "put_schedule", "put_senders")
PERSONS = ("find_leads", "find_lead", "stop_lead")  # for these, who is not known is an answer
CAMPAIGN = {"id": 5, "status": "PAUSED", "linkedInUserListId": 6, "campaignAccountIds": [7]}
NOTHING: dict[str, Any] = {"totalCount": 0, "items": []}


class Routed(Scripted):
    """A server whose answers may differ by method and path; the rest get the common one."""

    def __init__(self) -> None:
        super().__init__()
        self.routes: dict[str, list[tuple[int, object]]] = {}

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        before = self.status, self.body, self.headers
        said = self.routes.get(handler.path.removeprefix("/api/public/").partition("?")[0], [])
        if said:
            self.says(*(said.pop(0) if len(said) > 1 else said[0]))
        super().answer(handler)
        self.status, self.body, self.headers = before

    def prepare(self) -> None:
        """Answer well what is only asked before, so that the common answer is that to the work itself."""
        self.routes["campaign/GetById"] = [(200, CAMPAIGN)]
        self.routes["list/GetAll"] = [(200, {"totalCount": 1, "items": [{"id": 6, "name": "n [obx-1]"}]})]
        self.routes["webhooks/GetAllWebhooks"] = [(200, NOTHING)]

    def paths(self) -> list[str]:
        return [path.removeprefix("/api/public/") for _, path, _ in self.asked]


@pytest.fixture(scope="module")
def one_server() -> Iterator[Routed]:
    scripted = Routed()
    yield scripted
    scripted.close()


@pytest.fixture
def server(one_server: Routed) -> Routed:
    one_server.says(200)
    one_server.seconds, one_server.cut = 0.0, False
    one_server.asked.clear()
    one_server.routes.clear()
    return one_server


def ask(url: str, verb: Verb, *, timeout: float = 5.0) -> Any:
    return call(HEYREACH, KEY, url, verb, timeout=timeout)


def failure(url: str, verb: Verb, *, timeout: float = 5.0) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(url, verb, timeout=timeout)
    assert KEY not in f"{caught.value!s}{caught.value!r}"
    return caught.value


def said(sentence: str = "Words") -> dict[str, Any]:
    return {"errorMessage": sentence}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b"", CredentialRefused),
        (403, b"error code: 1010", Passing),
        (409, said(), Refused),
        (429, said(), Passing),
        (302, b"", Refused),
    ],
)
def test_an_answer_below_500_had_no_effect(
    server: Routed, name: str, status: int, body: object, kind: type[ProviderError]
) -> None:
    server.prepare()
    server.says(status, body, Location="/elsewhere")
    error = failure(server.url, ALL[name])
    assert type(error) is kind
    assert (error.status, error.permanent) == (status, issubclass(kind, Refused | CredentialRefused))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("status", [400, 404])
def test_what_is_not_known_is_refused_and_who_is_not_known_is_nowhere(server: Routed, name: str, status: int) -> None:
    server.says(status, said())
    if name in PERSONS and (name, status) != ("stop_lead", 404):
        assert not ask(server.url, ALL[name])
    else:
        error = failure(server.url, ALL[name])
        assert (type(error), error.status) == (Refused, status)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("how", ["500", "cut", "half"])
def test_after_a_lost_answer_only_what_can_be_repeated_is_tried_again(server: Routed, name: str, how: str) -> None:
    server.prepare()
    if how.isdecimal():
        server.says(int(how), b"<html>oops</html>")
    else:
        server.says(200, b'{"items": [')
        server.cut = how == "cut"
        if how == "cut":
            server.routes.clear()
    expected = Uncertain if name in UNREPEATABLE and how != "cut" else Passing  # cut, they come no further than asking
    assert type(failure(server.url, ALL[name])) is expected


@pytest.mark.parametrize("name", ALL)
def test_a_server_that_is_not_there_had_no_effect(name: str) -> None:
    assert type(failure(f"http://127.0.0.1:{free_port()}", ALL[name])) is Passing


@pytest.mark.parametrize("name", ["find_campaign", "put_schedule", "create_campaign", "add_leads"])
def test_an_answer_that_comes_too_late_leaves_it_open(server: Routed, name: str) -> None:
    server.says(200, {"items": [{"id": 6, "name": "obx-1"}], "totalCount": 1, **CAMPAIGN})
    server.seconds = 0.3
    assert type(failure(server.url, ALL[name], timeout=0.15)) is Passing


@pytest.mark.parametrize("name", ALL)
def test_a_page_for_people_proves_nothing(server: Routed, name: str) -> None:
    server.prepare()
    server.says(200, b"<html>just a moment</html>")
    server.headers["Content-Type"] = "text/html"
    if name == "add_leads":
        assert [result.outcome for result in ask(server.url, ALL[name])] == [Outcome.UNCERTAIN]
    else:
        assert type(failure(server.url, ALL[name])) is (Uncertain if name in UNREPEATABLE else Passing)


ANSWERED = ["list_senders", "find_campaign", "find_leads", "find_lead", "put_name", "put_webhook", "set_active"]


@pytest.mark.parametrize("name", [*ANSWERED, "create_campaign", "add_leads"])
@pytest.mark.parametrize("body", [b"", b"[]", b'"success"', b'{"items": {}, "data": []}'])
def test_an_answer_of_another_form_proves_nothing(server: Routed, name: str, body: bytes) -> None:
    """An empty list is said with `items`: what lacks them may not be read as nobody being there."""
    server.says(200, body)
    assert type(failure(server.url, ALL[name])) is Passing


@pytest.mark.parametrize("body", [b"", b"{}", b'{"addedLeadsCount": 1}', b"1"])
def test_work_that_is_answered_without_its_end_is_open(server: Routed, body: bytes) -> None:
    server.prepare()
    server.says(200, body)
    assert type(failure(server.url, ALL["create_campaign"])) is Uncertain
    assert [result.outcome for result in ask(server.url, ALL["add_leads"])] == [Outcome.UNCERTAIN]


def test_an_empty_page_means_that_nothing_is_there(server: Routed) -> None:
    server.says(200, NOTHING)
    assert ask(server.url, READS["list_senders"]) == []
    assert ask(server.url, READS["find_campaign"]) is None
    assert ask(server.url, READS["find_leads"]) == {}


def test_a_list_that_turns_in_a_circle_comes_to_an_end(server: Routed) -> None:
    server.says(200, {"items": [{"id": number, "name": "other"} for number in range(100)]})
    assert type(failure(server.url, READS["find_campaign"])) is Passing
    assert len(server.asked) == 2


def test_people_on_later_pages_are_found(server: Routed) -> None:
    pages: list[tuple[int, object]] = [
        (200, {"totalCount": 101, "items": [{"campaignId": number} for number in range(100, 200)]}),
        (200, {"totalCount": 101, "items": [{"campaignId": "5"}]}),
    ]
    server.routes["campaign/GetCampaignsForLead"] = pages
    assert ask(server.url, READS["find_leads"]) == {ADDRESS: PERSON}


def test_a_filter_that_is_ignored_gives_nobody_elses_list(server: Routed) -> None:
    rows = [{"id": 1, "name": "other"}, {"id": 2, "name": "n [obx-1]", "listType": "COMPANY_LIST"}]
    server.routes["list/GetAll"] = [(200, {"totalCount": 2, "items": rows})]
    server.routes["list/CreateEmptyList"] = [(200, {"id": 3, "listType": "USER_LIST"})]
    server.routes["campaign/Create"] = [(200, {"id": 9})]
    assert ask(server.url, ALL["create_campaign"]) == "9"
    assert server.paths() == ["list/GetAll", "list/CreateEmptyList", "campaign/Create"]


@pytest.mark.parametrize("name", EDITS)
def test_a_workspace_without_subscription_refuses_the_call_and_keeps_the_key(server: Routed, name: str) -> None:
    server.prepare()
    server.says(403, b"")
    server.routes["auth/CheckApiKey"] = [(200, b"")]
    error = failure(server.url, ALL[name])
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
    server: Routed, active: bool, before: str, after: str, kind: type[ProviderError] | None
) -> None:
    server.says(400, said())
    server.routes["campaign/GetById"] = [(200, {**CAMPAIGN, "status": status}) for status in (before, after)]
    if kind is None:
        assert ask(server.url, lambda c: c.campaigns.set_active("5", active)) is None
    else:
        assert type(failure(server.url, lambda c: c.campaigns.set_active("5", active))) is kind
    verb = {"DRAFT": "StartCampaign"}.get(before, "Resume") if active else "Pause"
    assert server.paths()[1] == f"campaign/{verb}?campaignId=5"


@pytest.mark.parametrize("status", ["DRAFT", "SCHEDULED", "PAUSED", "FINISHED", "FAILED", "CANCELED", "NEW"])
def test_what_does_not_run_is_paused_without_a_word(server: Routed, status: str) -> None:
    server.routes["campaign/GetById"] = [(200, {**CAMPAIGN, "status": status})]
    ask(server.url, lambda c: c.campaigns.set_active("5", False))
    assert len(server.asked) == 1


@pytest.mark.parametrize(("status", "refused"), [("InSequence", True), ("Pending", True), ("Finished", False)])
def test_a_stop_that_is_refused_is_none_where_nothing_more_is_sent(server: Routed, status: str, refused: bool) -> None:
    row = {"campaignId": 5, "leadStatus": status}
    server.routes["lead/GetLead"] = [(200, {"linkedin_id": None})]
    server.routes["campaign/GetCampaignsForLead"] = [(200, {"totalCount": 1, "items": [row]})]
    server.says(400, said())
    if refused:
        assert type(failure(server.url, ALL["stop_lead"])) is Refused
    else:
        assert ask(server.url, ALL["stop_lead"]) is True


def test_a_campaign_without_senders_takes_nobody(server: Routed) -> None:
    server.routes["campaign/GetById"] = [(200, {**CAMPAIGN, "campaignAccountIds": []})]
    assert type(failure(server.url, ALL["add_leads"])) is Refused
    assert len(server.asked) == 1


def test_a_webhook_that_went_between_asking_and_deleting_is_deleted(server: Routed) -> None:
    rows = [
        {"id": number, "webhookUrl": URL, "eventType": kind, "campaignIds": [5], "isActive": True}
        for number, kind in enumerate([*HOOKS, "MESSAGE_SENT"], start=1)
    ]
    server.routes["webhooks/GetAllWebhooks"] = [(200, {"totalCount": len(rows), "items": rows})]
    server.says(404, said())
    assert ask(server.url, REPEATABLE["put_webhook"]) is None
    assert server.paths()[1:] == ["webhooks/DeleteWebhook?webhookId=7"]


@pytest.mark.parametrize(
    "rows",
    [[{"name": "no id"}], [{"id": None, "name": None}], [{"id": {}, "profileUrl": []}], [[], 5, None],
     [{"id": "1", "eventType": "MESSAGE_SENT", "webhookUrl": URL, "accountLimits": [], "campaignId": "²"}]],
)  # fmt: skip
def test_rows_of_another_form_raise_nothing_but_provider_errors(server: Routed, rows: list[Any]) -> None:
    server.says(200, {"items": rows, "totalCount": "many", "id": 5, "status": "NEW", "campaignAccountIds": rows})
    for name, verb in ALL.items():
        try:
            ask(server.url, verb)
        except ProviderError:
            continue
        except Exception as error:
            pytest.fail(f"{name} raised {error!r}")


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


def test_a_workspace_that_may_create_nothing_is_told_apart_from_a_shield(sim: Simulator) -> None:
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


@pytest.mark.parametrize(("fault", "made"), [("lost_response", True), ("malformed", True), ("server_error", False)])
def test_a_creation_whose_answer_is_lost_is_found_by_its_marker(sim: Simulator, fault: str, made: bool) -> None:
    mark, seats = kit.marker(), kit.seats(sim)
    sim.faults(**{fault: {"rate": 1, "times": 1, "paths": ["campaign/Create"]}})
    with pytest.raises(Uncertain):
        kit.ask(sim, lambda client: client.campaigns.create("Spring", mark, seats))
    found = kit.ask(sim, lambda client: client.campaigns.find(mark))
    assert (found is not None) is made
    assert found is None or kit.stands(sim, found)["name"] == "Spring"


@pytest.mark.parametrize("name", REPEATABLE)
@pytest.mark.parametrize("fault", ["lost_response", "server_error"])
def test_what_was_lost_is_done_again_with_the_same_end(sim: Simulator, name: str, fault: str) -> None:
    campaign, (address,) = kit.running(sim), kit.fresh()
    seat = kit.seats(sim)[0]
    kit.ask(sim, lambda client: client.leads.add(campaign, people(address)))
    kit.ask(sim, lambda client: client.campaigns.set_active(campaign, name == "stop_lead"))
    verbs: dict[str, Verb] = {
        "put_name": lambda c: c.campaigns.put_name(campaign, "Autumn", "m"),
        "put_sequence": lambda c: c.campaigns.put_sequence(campaign, STEPS),
        "put_schedule": lambda c: c.campaigns.put_schedule(campaign, SCHEDULE),
        "put_senders": lambda c: c.campaigns.put_senders(campaign, [seat]),
        "put_webhook": lambda c: c.webhooks.put(campaign, URL),
        "set_active": lambda c: c.campaigns.set_active(campaign, True),
        "stop_lead": lambda c: c.leads.stop(campaign, f"https://www.{address}", for_good=True),
    }
    work = ["Update", "CreateWebhook", "Resume", "StopLead"]
    sim.faults(**{fault: {"rate": 1, "times": 1, "paths": work}})
    with pytest.raises(Passing):
        kit.ask(sim, verbs[name])
    kit.ask(sim, verbs[name])
    found = kit.stands(sim, campaign)
    end = {
        "put_name": found["name"] == "Autumn",
        "put_sequence": found["sequence"]["nodeType"] == "CONNECTION_REQUEST",
        "put_schedule": found["schedule"]["timeZoneId"] == "Europe/Lisbon",
        "put_senders": found["account_ids"] == [int(seat)],
        "put_webhook": sorted(row["eventType"] for row in kit.hooks(sim, campaign)) == sorted(HOOKS),
        "set_active": found["status"] == "IN_PROGRESS",
        "stop_lead": kit.stored(sim, campaign)[f"https://www.{address}"]["stopped"],
    }
    assert end[name]


def test_an_add_that_comes_too_late_is_uncertain_and_done(sim: Simulator) -> None:
    campaign, (address,) = kit.running(sim), kit.fresh()
    sim.faults(slow={"rate": 1, "seconds": 0.5, "times": 1, "paths": ["AddLeads"]})
    with pytest.raises(Uncertain):
        kit.ask(sim, lambda client: client.leads.add(campaign, people(address)), timeout=0.25)
    wait_for(lambda: kit.added(sim, campaign) == [f"https://www.{address}"])


def find(sim: Simulator, campaign: str, addresses: list[str]) -> set[str]:
    """Ask who is there, until there is an answer."""
    while True:
        try:
            return set(kit.ask(sim, lambda client: client.leads.find_all(campaign, addresses, datetime.now(UTC))))
        except Passing:
            continue


def hand_over(sim: Simulator, campaign: str, leads: list[LeadToAdd]) -> tuple[set[UUID], str]:
    """Push a batch as the product does: ask after doubt, and never before. Return who is settled, and what was said."""
    before, told = kit.added(sim, campaign), "answered"
    try:
        results = kit.ask(sim, lambda client: client.leads.add(campaign, leads))
    except Uncertain:
        results, told = [], "uncertain"
    except Passing:
        assert kit.added(sim, campaign) == before
        return set(), "passing"
    pushed = {result.key for result in results if result.outcome is Outcome.PUSHED}
    found = find(sim, campaign, [lead.address for lead in leads if lead.key not in pushed])
    return pushed | {lead.key for lead in leads if lead.address in found}, told


@pytest.mark.parametrize("seed", [1, 2])
def test_through_all_faults_everybody_is_added_once(sim: Simulator, seed: int) -> None:
    campaign, leads = kit.running(sim), people(*kit.fresh(30))
    kinds = ("rate_limited", "server_error", "lost_response", "malformed", "nothing_added", "partial_failure")
    sim.faults(seed=seed, **{kind: {"rate": 0.3, "paths": ["AddLeads"]} for kind in kinds})
    settled, seen = set[UUID](), set[str]()
    for _ in range(100):
        waiting = [lead for lead in leads if lead.key not in settled][:5]
        if not waiting:
            break
        told, how = hand_over(sim, campaign, waiting)
        settled, seen = settled | told, seen | {how}
    sim.faults()
    assert kit.added(sim, campaign) == sorted(f"https://www.{lead.address}" for lead in leads)
    assert seen == {"answered", "uncertain", "passing"}


def test_the_key_is_in_no_log_and_no_exception(sim: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    errors: list[BaseException] = []
    for fault in ("rate_limited", "server_error", "lost_response", "malformed"):
        sim.faults(**{fault: True})
        for name in ("list_senders", "create_campaign", "stop_lead"):
            with pytest.raises(ProviderError) as caught:
                kit.ask(sim, ALL[name])
            errors.append(caught.value)
    for error in errors:
        assert SIM_KEY not in f"{error!s}{error!r}{error.args}"
        assert SIM_KEY not in "".join(traceback.format_exception(error))
    assert len(errors) == 12
    assert SIM_KEY not in caplog.text
