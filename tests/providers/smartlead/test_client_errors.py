"""What the Smartlead client makes of failures and of odd answers, verb by verb."""

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import pytest

from providers.errors import Passing, ProviderError, Refused, Uncertain
from providers.models import Fact, HookState, LeadToAdd, Schedule, Settings, Step
from providers.smartlead import SMARTLEAD
from tests.providers.failures import HOWS, Verb, failure, holds, verbs_called_on
from tests.support.scripted import KEY, Scripted

URL = "https://x.example/hook"
LEAD = LeadToAdd(uuid4(), "a@b.example", "Ana")
HISTORY = {"history": [{"type": "REPLY", "stats_id": "s", "message_id": "<m@x>", "time": "2026-01-01T00:00:00Z"}]}
VERBS: dict[str, Verb] = {
    "account.verify": lambda c: c.account.verify(),
    "account.list_senders": lambda c: c.account.list_senders(),
    "campaigns.find": lambda c: c.campaigns.find("obx-1"),
    "campaigns.create": lambda c: c.campaigns.create("n", "m", []),
    "campaigns.has_begun": lambda c: c.campaigns.has_begun("1"),
    "campaigns.put_name": lambda c: c.campaigns.put_name("1", "n", "m"),
    "campaigns.put_sequence": lambda c: c.campaigns.put_sequence("1", [Step(1, 0, "s", "b")]),
    "campaigns.put_settings": lambda c: c.campaigns.put_settings("1", Settings()),
    "campaigns.put_schedule": lambda c: c.campaigns.put_schedule("1", Schedule("UTC", [1], time(9), time(17), 10, 100)),
    "campaigns.put_senders": lambda c: c.campaigns.put_senders("1", ["5"]),
    "campaigns.set_active": lambda c: c.campaigns.set_active("1", True),
    "leads.add": lambda c: c.leads.add("1", [LEAD]),
    "leads.find_all": lambda c: c.leads.find_all("1", ["a@b.example"], datetime.now(UTC)),
    "leads.find": lambda c: c.leads.find("1", "a@b.example"),
    "leads.stop": lambda c: c.leads.stop("1", "2", for_good=True),
    "leads.pause": lambda c: c.leads.pause("1", "2"),
    "leads.resume": lambda c: c.leads.resume("1", "2"),
    "inbox.read_figures": lambda c: c.inbox.read_figures("1"),
    "inbox.read_facts": lambda c: c.inbox.read_facts(["1"], datetime.now(UTC)),
    "inbox.read_thread": lambda c: c.inbox.read_thread("1", "2", "a@b.example"),
    "inbox.reply": lambda c: c.inbox.reply("1", "2", "a@b.example", "Yes"),
    "webhooks.put": lambda c: c.webhooks.put("1", URL),
    "webhooks.check": lambda c: c.webhooks.check("1", URL),
    "webhooks.delete": lambda c: c.webhooks.delete("1", URL),
    "block_list.add": lambda c: c.block_list.add(["a@b.example"]),
    "block_list.remove": lambda c: c.block_list.remove(["a@b.example"]),
    "block_list.entries": lambda c: c.block_list.entries(),
}


@pytest.fixture
def server() -> Scripted:
    return Scripted("/api/v1")


def prepare(server: Scripted, name: str) -> None:
    """Answer well what a verb only asks before, so that the common answer is that to the work itself."""
    if name == "inbox.reply":
        server.routes["GET /campaigns/1/leads/2/message-history"] = [(200, HISTORY)]
    elif name in ("webhooks.put", "webhooks.delete"):
        server.routes["GET /campaigns/1/webhooks"] = [(200, [{"id": 7, "webhook_url": URL}])]
        server.routes["GET /leads/fetch-categories"] = [(200, [])]
    elif name == "block_list.remove":
        server.routes["GET /leads/get-domain-block-list"] = [(200, [{"id": 7, "email_or_domain": "a@b.example"}])]
    elif name in ("campaigns.put_sequence", "campaigns.put_senders"):
        place = name.partition("put_")[2].replace("senders", "email-accounts").replace("sequence", "sequences")
        server.routes[f"GET /campaigns/1/{place}"] = [(200, [])]


def test_every_verb_is_here() -> None:
    assert VERBS.keys() == verbs_called_on(SMARTLEAD)


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.parametrize("how", HOWS)
def test_a_failure_says_whether_the_verb_may_have_been_done(server: Scripted, name: str, how: str) -> None:
    prepare(server, name)
    holds(server, SMARTLEAD, name, VERBS[name], how)


def ask(server: Scripted, verb: Verb) -> Any:
    return server.call(SMARTLEAD, verb)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b'"success"', b"5", b'{"ok":true}', b'{"data":null}'])
def test_an_empty_200_means_that_nothing_is_there(server: Scripted, body: bytes) -> None:
    server.says(200, body)
    assert ask(server, VERBS["account.list_senders"]) == []
    assert ask(server, VERBS["campaigns.find"]) is None
    assert ask(server, VERBS["leads.find_all"]) == {}
    assert ask(server, VERBS["leads.find"]) is None
    assert ask(server, VERBS["block_list.entries"]) == set()
    assert ask(server, VERBS["block_list.remove"]) is None


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b'"success"', b'{"ok":true}'])
def test_a_creation_without_an_id_is_uncertain(server: Scripted, body: bytes) -> None:
    server.says(200, body)
    assert type(failure(server, SMARTLEAD, VERBS["campaigns.create"])) is Uncertain


@pytest.mark.parametrize("body", [b"success", b'"success"', b'{"ok":true}', b"", b'{"success":true}'])
def test_a_plain_success_is_a_success(server: Scripted, body: bytes) -> None:
    server.says(200, body, **({"Content_Type": "text/plain"} if body == b"success" else {}))
    assert ask(server, VERBS["leads.stop"]) is True
    assert ask(server, VERBS["campaigns.set_active"]) is None


@pytest.mark.parametrize("number", [7, "7"])
def test_a_number_may_come_as_text(server: Scripted, number: int | str) -> None:
    server.says(200, {"ok": True, "id": number})
    assert ask(server, VERBS["campaigns.create"]) == "7"
    server.says(200, [{"id": number, "name": "x [obx-1]"}])
    assert ask(server, VERBS["campaigns.find"]) == "7"
    server.says(200, {"id": number, "lead_campaign_data": [{"campaign_id": "1" if number == 7 else 1}]})
    assert ask(server, VERBS["leads.find"]) == "7"
    server.says(200, {"total_leads": "1", "data": [{"lead": {"id": number, "email": "A@B.example"}}]})
    assert ask(server, VERBS["leads.find_all"]) == {"a@b.example": "7"}
    server.says(200, [{"id": number, "from_email": "m@x.example", "message_per_day": str(number)}])
    (sender,) = ask(server, VERBS["account.list_senders"])
    assert (sender.external_id, sender.daily_limit) == ("7", 7)


@pytest.mark.parametrize(
    "rows",
    [[{"name": "no id"}], [{"id": None, "name": None}], [{"id": {}}], [{"message_per_day": "²", "id": 1}], [[], 5]],
)
def test_rows_of_another_form_raise_nothing_but_provider_errors(server: Scripted, rows: list[Any]) -> None:
    server.says(200, rows)
    for name, verb in VERBS.items():
        try:
            ask(server, verb)
        except ProviderError:
            continue
        except Exception as error:
            pytest.fail(f"{name} raised {error!r}")


def test_every_request_carries_the_key_in_its_query_and_nowhere_else(server: Scripted) -> None:
    for name, verb in VERBS.items():
        server.says(200, HISTORY if name == "inbox.reply" else {"ok": True, "id": 5, "status": "ACTIVE"})
        ask(server, verb)
    assert {request.method for request in server.received} >= {"GET", "POST"}
    for request in server.received:
        assert request.url.path.startswith("/api/v1/")
        assert parse_qs(request.url.query.decode())["api_key"] == [KEY]
        assert "authorization" not in request.headers


def test_a_mailbox_that_did_not_take_the_answer_leaves_it_open(server: Scripted) -> None:
    prepare(server, "inbox.reply")
    server.says(200, {"ok": False})
    assert type(failure(server, SMARTLEAD, VERBS["inbox.reply"])) is Uncertain
    server.says(200, {"ok": True})
    assert ask(server, VERBS["inbox.reply"]) is None


def test_of_two_webhooks_of_ours_one_stays_and_no_other_goes(server: Scripted) -> None:
    rows = [{"id": 6, "webhook_url": "https://else.example"}, *({"id": n, "webhook_url": URL} for n in (7, 8))]
    server.routes["GET /campaigns/1/webhooks"] = [(200, rows)]
    for verb, expected in (("webhooks.put", [7, 8]), ("webhooks.delete", [7, 8])):
        server.received.clear()
        ask(server, VERBS[verb])
        bodies = [json.loads(request.content) for request in server.received if request.method != "GET"]
        assert [body["id"] for body in bodies] == expected
    assert ask(server, VERBS["webhooks.check"]) is HookState.DISABLED  # they have no events


def test_a_reply_that_is_dated_by_its_mail_is_found_hours_later(server: Scripted) -> None:
    since = datetime(2026, 4, 1, 16, tzinfo=UTC)
    replied = {"type": "REPLY", "message_id": "<m@x>", "time": "2026-04-01T13:30:00.000Z"}
    before = {"type": "REPLY", "message_id": "<n@x>", "time": "2026-04-01T12:30:00.000Z"}
    row = {"email_campaign_id": "1", "lead_email": "a@b.example", "email_history": [before, replied]}
    server.says(200, [])
    server.routes["/master-inbox/inbox-replies"] = [(200, {"data": [row, {**row, "email_campaign_id": "2"}]})]
    (fact,) = ask(server, lambda c: c.inbox.read_facts(["1"], since))
    assert (fact.fact, fact.key) == (Fact.REPLIED, "message.replied:m@x")
    wanted = json.loads(server.received[0].content)["filters"]["replyTimeBetween"]
    assert datetime.fromisoformat(wanted[0]) == since - timedelta(hours=3)


def test_who_is_not_in_the_campaign_has_no_thread(server: Scripted) -> None:
    server.says(200, {"id": 2, "lead_campaign_data": [{"campaign_id": 9}]})
    for verb in (
        lambda c: c.inbox.read_thread("1", None, "a@b.example"),
        lambda c: c.inbox.reply("1", None, "a@b.example", "Yes"),
    ):
        error = failure(server, SMARTLEAD, verb)
        assert (type(error), error.status) == (Refused, 404)


def entries(first: int, count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"id": n, "email_or_domain": f"p{n}@b.example", **more} for n in range(first, first + count)]


@pytest.mark.parametrize("full", [100, 1000])
def test_a_page_of_the_block_list_is_the_last_where_it_is_shorter_than_any_limit(server: Scripted, full: int) -> None:
    """Sources differ on how long a page can be; one that is given 1000 and returns 100 has more."""
    server.routes["GET /leads/get-domain-block-list"] = [(200, entries(0, full)), (200, {"data": entries(full, 99)})]
    assert len(ask(server, VERBS["block_list.entries"])) == full + 99
    assert [path.partition("&")[2] for path in server.paths()] == [f"offset={at}&limit=1000" for at in (0, full)]


def test_a_block_list_that_turns_in_a_circle_comes_to_an_end(server: Scripted) -> None:
    server.says(200, entries(0, 100))
    for name in ("block_list.entries", "block_list.remove"):
        server.received.clear()
        assert type(failure(server, SMARTLEAD, VERBS[name])) is Passing
        assert [request.method for request in server.received] == ["GET", "GET"]


def test_only_what_is_named_is_deleted_and_each_time_it_is_there(server: Scripted) -> None:
    rows = [*entries(0, 3), *entries(0, 1, id=9), *entries(1, 1, id=8, client_id=5), {"email_or_domain": "b.example"}]
    server.routes["GET /leads/get-domain-block-list"] = [(200, rows)]
    ask(server, lambda c: c.block_list.remove(["p0@b.example"]))
    calls = [(request.method, parse_qs(request.url.query.decode())) for request in server.received]
    assert calls[0][1]["filter_email_or_domain"] == ["p0@b.example"]
    assert [query["id"] for method, query in calls if method == "DELETE"] == [["0"], ["9"]]


def test_an_entry_that_went_between_looking_and_deleting_is_off_the_list(server: Scripted) -> None:
    prepare(server, "block_list.remove")
    server.says(404, {"error": "words"})
    assert ask(server, VERBS["block_list.remove"]) is None
    server.says(400, {"error": "words"})
    assert type(failure(server, SMARTLEAD, VERBS["block_list.remove"])) is Refused


def test_a_block_list_is_written_in_batches(server: Scripted) -> None:
    ask(server, lambda c: c.block_list.add([f"p{n}@b.example" for n in range(250)]))
    sent = [json.loads(request.content)["domain_block_list"] for request in server.received]
    assert [len(batch) for batch in sent] == [100, 100, 50]
    assert [entry for batch in sent for entry in batch] == [f"p{n}@b.example" for n in range(250)]
