"""What the Instantly client makes of answers the simulator never gives, against a server that says what it is told."""

import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from uuid import uuid4

import pytest

from providers.contract import ProviderClient
from providers.errors import CredentialRefused, Passing, ProviderError, Refused, Uncertain
from providers.instantly import INSTANTLY
from providers.models import LeadToAdd, Outcome
from tests.engine import free_port
from tests.providers.instantly.test_client_requests import SCHEDULE, STEPS
from tests.providers.smartlead.test_client_errors import Scripted
from tests.support.clients import call

KEY = "a-key-that-belongs-in-no-log"
CAMPAIGN, LEAD_ID = "73e7b47e-1c29-42e2-9efc-dd4e257dbcd4", "019f1a63-9a65-790f-8d3c-2442e73d906e"
Verb = Callable[[ProviderClient], Awaitable[Any]]
LEAD = LeadToAdd(uuid4(), "a@b.example", "Ana")
READS: dict[str, Verb] = {
    "verify": lambda c: c.account.verify(),
    "list_senders": lambda c: c.account.list_senders(),
    "find_campaign": lambda c: c.campaigns.find("obx-1"),
    "find_leads": lambda c: c.leads.find_all(CAMPAIGN, ["a@b.example"], datetime.now(UTC)),
    "find_lead": lambda c: c.leads.find(CAMPAIGN, "a@b.example"),
}
REPEATABLE: dict[str, Verb] = {
    "put_name": lambda c: c.campaigns.put_name(CAMPAIGN, "n", "m"),
    "put_sequence": lambda c: c.campaigns.put_sequence(CAMPAIGN, STEPS),
    "put_schedule": lambda c: c.campaigns.put_schedule(CAMPAIGN, SCHEDULE),
    "put_senders": lambda c: c.campaigns.put_senders(CAMPAIGN, ["me@sender.example"]),
    "put_webhook": lambda c: c.webhooks.put(CAMPAIGN, "https://x.example/hook"),
    "set_active": lambda c: c.campaigns.set_active(CAMPAIGN, True),
    "stop_lead": lambda c: c.leads.stop(CAMPAIGN, LEAD_ID, for_good=True),
    "pause_lead": lambda c: c.leads.stop(CAMPAIGN, LEAD_ID, for_good=False),
}
UNREPEATABLE: dict[str, Verb] = {
    "create_campaign": lambda c: c.campaigns.create("n", "m", []),
    "add_leads": lambda c: c.leads.add(CAMPAIGN, [LEAD]),
}
ALL = {**READS, **REPEATABLE, **UNREPEATABLE}
GONE = {"find_leads", "find_lead", "stop_lead", "pause_lead"}  # for these, what is not there is an answer


class Routed(Scripted):
    """A server whose answers may differ by method and path; the rest get the common one."""

    def __init__(self) -> None:
        super().__init__()
        self.routes: dict[tuple[str, str], list[tuple[int, object]]] = {}

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.removeprefix("/api/v2").partition("?")[0]
        said = self.routes.get((handler.command, path), [])
        if said:
            self.says(*(said.pop(0) if len(said) > 1 else said[0]))
        super().answer(handler)


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
    return call(INSTANTLY, KEY, url, verb, timeout=timeout)


def failure(url: str, verb: Verb, *, timeout: float = 5.0) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(url, verb, timeout=timeout)
    assert KEY not in f"{caught.value!s}{caught.value!r}"
    return caught.value


def envelope(status: int) -> dict[str, Any]:
    return {"statusCode": status, "error": "Words", "message": "More words"}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, envelope(401), CredentialRefused),
        (401, b"", CredentialRefused),
        (403, b"error code: 1010", Passing),
        (403, {"type": "about:blank", "status": 403, "error_code": 1010}, Passing),
        (400, envelope(400), Refused),
        (402, b"<html>", Refused),
        (409, {"message": "words"}, Refused),
        (429, envelope(429), Passing),
        (302, b"", Refused),
    ],
)
def test_an_answer_below_500_had_no_effect(
    server: Routed, name: str, status: int, body: object, kind: type[ProviderError]
) -> None:
    server.says(status, body, Location="/elsewhere")
    error = failure(server.url, ALL[name])
    assert type(error) is kind
    assert (error.status, error.retry_after) == (status, None)
    assert error.permanent is issubclass(kind, Refused | CredentialRefused)
    assert len(server.asked) == (2 if name == "set_active" and kind is Refused else 1)


@pytest.mark.parametrize("name", ALL)
def test_what_is_not_there_is_refused_or_already_stopped(server: Routed, name: str) -> None:
    server.says(404, envelope(404))
    if name in GONE:
        assert ask(server.url, ALL[name]) in ((True,) if name in ("stop_lead", "pause_lead") else (None, {}))
    else:
        error = failure(server.url, ALL[name])
        assert (type(error), error.status) == (Refused, 404)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("status", [500, 503])
def test_after_a_500_only_what_can_be_repeated_is_tried_again(server: Routed, name: str, status: int) -> None:
    server.says(status, b"<html>oops</html>")
    assert type(failure(server.url, ALL[name])) is (Uncertain if name in UNREPEATABLE else Passing)


@pytest.mark.parametrize("name", ALL)
def test_a_server_that_is_not_there_had_no_effect(name: str) -> None:
    assert type(failure(f"http://127.0.0.1:{free_port()}", ALL[name])) is Passing


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("how", ["late", "cut", "half", "deep"])
def test_an_answer_that_does_not_arrive_leaves_it_open(server: Routed, name: str, how: str) -> None:
    server.says(200, {"id": "5", "items": [], "created_leads": []})
    if how == "late":
        server.seconds = 0.4
    elif how == "cut":
        server.cut = True
    else:
        server.says(200, b'{"items": [' if how == "half" else b'{"items":' + b"[" * 100_000)
    error = failure(server.url, ALL[name], timeout=0.2 if how == "late" else 5.0)
    assert type(error) is (Uncertain if name in UNREPEATABLE else Passing)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'"success"', b'{"items": {}, "data": []}'])
def test_an_answer_of_another_form_proves_nothing(server: Routed, name: str, body: bytes) -> None:
    """An empty list is said with `items`: what lacks them may not be read as nobody being there."""
    server.says(200, body)
    assert type(failure(server.url, ALL[name])) is (Uncertain if name in UNREPEATABLE else Passing)


@pytest.mark.parametrize("name", ALL)
def test_a_page_for_people_proves_nothing(server: Routed, name: str) -> None:
    server.says(200, b"<html>just a moment</html>")
    server.headers["Content-Type"] = "text/html"
    assert type(failure(server.url, ALL[name])) is (Uncertain if name in UNREPEATABLE else Passing)


@pytest.mark.parametrize("body", [{"items": []}, {"items": [], "next_starting_after": None}])
def test_an_empty_page_means_that_nothing_is_there(server: Routed, body: object) -> None:
    server.says(200, body)
    assert ask(server.url, READS["list_senders"]) == []
    assert ask(server.url, READS["find_campaign"]) is None
    assert ask(server.url, READS["find_leads"]) == {}
    assert ask(server.url, READS["find_lead"]) is None


def test_a_list_that_turns_in_a_circle_comes_to_an_end(server: Routed) -> None:
    server.says(200, {"items": [{"id": "x", "name": "other"}], "next_starting_after": "x"})
    assert type(failure(server.url, READS["find_campaign"])) is Passing
    assert len(server.asked) == 2


def test_a_cursor_is_handed_back_as_it_came(server: Routed) -> None:
    cursor = "2026-01-01T00:00:00.000Z&jon+x@doe.example"
    pages: list[tuple[int, object]] = [
        (200, {"items": [{"email": "a@b.example"}], "next_starting_after": cursor}),
        (200, {"items": []}),
    ]
    server.routes[("GET", "/accounts")] = pages
    assert len(ask(server.url, READS["list_senders"])) == 1
    assert server.asked[1][1].endswith("starting_after=2026-01-01T00%3A00%3A00.000Z%26jon%2Bx%40doe.example")


def test_rows_of_another_campaign_are_passed_over(server: Routed) -> None:
    """A filter that the provider drops widens the list to the whole workspace."""
    rows: list[dict[str, Any]] = [
        {"id": "1", "email": "a@b.example", "campaign": str(uuid4())},
        {"id": "2", "email": "a@b.example"},
        {"id": "3", "email": "c@d.example", "campaign": CAMPAIGN},
        {"id": None, "email": "a@b.example", "campaign": CAMPAIGN},
        {"id": "4", "email": "A@B.example", "campaign": CAMPAIGN.upper()},
    ]
    server.says(200, {"items": rows[:4]})
    assert ask(server.url, READS["find_leads"]) == {}
    server.says(200, {"items": rows})
    assert ask(server.url, READS["find_leads"]) == {"a@b.example": "4"}


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize(
    ("active", "stands", "fine"),
    [
        *((True, 1, True), (True, 4, True), (True, 2, False), (True, -1, False), (True, None, False)),
        *((False, 2, True), (False, 0, True), (False, 3, True), (False, 1, False), (False, -1, False)),
    ],
)
def test_a_switch_that_is_refused_is_none_where_it_already_stands(
    server: Routed, status: int, active: bool, stands: int | None, fine: bool
) -> None:
    place = f"/campaigns/{CAMPAIGN}"
    server.routes[("POST", f"{place}/{'activate' if active else 'pause'}")] = [(status, envelope(404))]
    server.routes[("GET", place)] = [(200, {"id": CAMPAIGN, "status": stands})]
    if fine:
        assert ask(server.url, lambda c: c.campaigns.set_active(CAMPAIGN, active)) is None
    else:
        error = failure(server.url, lambda c: c.campaigns.set_active(CAMPAIGN, active))
        assert (type(error), error.status) == (Refused, status)


def test_senders_that_were_dropped_without_a_word_are_refused(server: Routed) -> None:
    server.says(200, {"id": CAMPAIGN, "email_list": ["other@sender.example"]})
    assert type(failure(server.url, REPEATABLE["put_senders"])) is Refused
    server.says(200, {"id": CAMPAIGN, "email_list": ["Me@Sender.example"]})
    assert ask(server.url, REPEATABLE["put_senders"]) is None


@pytest.mark.parametrize("status", [200, 202])
def test_an_interest_is_taken_with_either_status(server: Routed, status: int) -> None:
    lead = {"id": LEAD_ID, "email": "a@b.example", "campaign": CAMPAIGN, "status": 1}
    server.routes[("GET", f"/leads/{LEAD_ID}")] = [(200, lead)]
    server.routes[("POST", "/leads/update-interest-status")] = [(status, {"message": "words"})]
    assert ask(server.url, REPEATABLE["pause_lead"]) is True
    assert [method for method, _, _ in server.asked] == ["GET", "POST"]


def test_who_went_between_asking_and_deleting_is_stopped(server: Routed) -> None:
    lead = {"id": LEAD_ID, "email": "a@b.example", "campaign": CAMPAIGN, "status": 1}
    server.routes[("GET", f"/leads/{LEAD_ID}")] = [(200, lead)]
    server.routes[("DELETE", f"/leads/{LEAD_ID}")] = [(404, envelope(404))]
    assert ask(server.url, REPEATABLE["stop_lead"]) is True


def test_an_id_stays_one_part_of_the_path(server: Routed) -> None:
    server.says(404, envelope(404))
    ask(server.url, lambda c: c.leads.stop(CAMPAIGN, "../campaigns/x?y=#z", for_good=True))
    assert server.asked[0][1] == "/api/v2/leads/..%2Fcampaigns%2Fx%3Fy%3D%23z"


@pytest.mark.parametrize(
    "rows",
    [[{"name": "no id"}], [{"id": None, "name": None, "email": None}], [{"id": {}, "email": []}], [[], 5, None],
     [{"id": "1", "email": "m@x.example", "status": "²", "daily_limit": 1e400, "warmup_status": []}]],
)  # fmt: skip
def test_rows_of_another_form_raise_nothing_but_provider_errors(server: Routed, rows: list[Any]) -> None:
    server.says(200, {"items": rows, "created_leads": rows, "id": "1", "email_list": rows})
    for name, verb in ALL.items():
        try:
            ask(server.url, verb)
        except ProviderError:
            continue
        except Exception as error:
            pytest.fail(f"{name} raised {error!r}")


def test_an_answer_about_somebody_else_hands_over_nobody(server: Routed) -> None:
    row = {"index": 0, "id": LEAD_ID, "email": "other@b.example"}
    server.says(200, {"status": "success", "total_sent": 1, "leads_uploaded": 1, "created_leads": [row]})
    (result,) = ask(server.url, UNREPEATABLE["add_leads"])
    assert (result.outcome, result.external_id) == (Outcome.UNCERTAIN, None)


def test_environment_proxies_are_not_used(server: Routed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    server.says(200, {"items": []})
    assert ask(server.url, READS["verify"]) is None
    assert json.loads(server.body) == {"items": []}
