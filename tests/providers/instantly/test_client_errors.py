"""What the Instantly client makes of failures, and of answers that the simulator never gives, verb by verb."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from providers.errors import CredentialRefused, Passing, ProviderError, Refused, Uncertain
from providers.instantly import INSTANTLY
from providers.models import Fact, LeadToAdd, Outcome, Settings
from tests.providers.failures import HOWS, ONCE, Verb, failure, holds, verbs_called_on
from tests.providers.instantly.test_client_requests import SCHEDULE, STEPS
from tests.support.scripted import Scripted

CAMPAIGN, LEAD_ID = "73e7b47e-1c29-42e2-9efc-dd4e257dbcd4", "019f1a63-9a65-790f-8d3c-2442e73d906e"
URL = "https://x.example/hook"
ENTRIES = "/block-lists-entries"
LEAD = LeadToAdd(uuid4(), "a@b.example", "Ana")
INSIDE = {"id": LEAD_ID, "email": "a@b.example", "campaign": CAMPAIGN, "status": 1}
RECEIVED = {"id": "m", "ue_type": 2, "eaccount": "me@x.example", "thread_id": "t"}
VERBS: dict[str, Verb] = {
    "account.verify": lambda c: c.account.verify(),
    "account.list_senders": lambda c: c.account.list_senders(),
    "campaigns.find": lambda c: c.campaigns.find("obx-1"),
    "campaigns.create": lambda c: c.campaigns.create("n", "m", []),
    "campaigns.has_begun": lambda c: c.campaigns.has_begun(CAMPAIGN),
    "campaigns.put_name": lambda c: c.campaigns.put_name(CAMPAIGN, "n", "m"),
    "campaigns.put_sequence": lambda c: c.campaigns.put_sequence(CAMPAIGN, STEPS),
    "campaigns.put_settings": lambda c: c.campaigns.put_settings(CAMPAIGN, Settings()),
    "campaigns.put_schedule": lambda c: c.campaigns.put_schedule(CAMPAIGN, SCHEDULE),
    "campaigns.put_senders": lambda c: c.campaigns.put_senders(CAMPAIGN, ["me@sender.example"]),
    "campaigns.set_active": lambda c: c.campaigns.set_active(CAMPAIGN, True),
    "leads.add": lambda c: c.leads.add(CAMPAIGN, [LEAD]),
    "leads.find_all": lambda c: c.leads.find_all(CAMPAIGN, ["a@b.example"], datetime.now(UTC)),
    "leads.find": lambda c: c.leads.find(CAMPAIGN, "a@b.example"),
    "leads.stop": lambda c: c.leads.stop(CAMPAIGN, LEAD_ID, for_good=True),
    "inbox.read_figures": lambda c: c.inbox.read_figures(CAMPAIGN),
    "inbox.read_facts": lambda c: c.inbox.read_facts([CAMPAIGN], datetime.now(UTC)),
    "inbox.read_thread": lambda c: c.inbox.read_thread(CAMPAIGN, None, "a@b.example"),
    "inbox.reply": lambda c: c.inbox.reply(CAMPAIGN, None, "a@b.example", "Yes"),
    "webhooks.put": lambda c: c.webhooks.put(CAMPAIGN, URL),
    "webhooks.check": lambda c: c.webhooks.check(CAMPAIGN, URL),
    "webhooks.delete": lambda c: c.webhooks.delete(CAMPAIGN, URL),
    "block_list.add": lambda c: c.block_list.add(["a@b.example"]),
    "block_list.remove": lambda c: c.block_list.remove(["a@b.example"]),
    "block_list.entries": lambda c: c.block_list.entries(),
}
ALL: dict[str, Verb] = {**VERBS, "leads.stop for now": lambda c: c.leads.stop(CAMPAIGN, LEAD_ID, for_good=False)}
GONE = {"leads.find_all": {}, "leads.find": None, "leads.stop": True, "leads.stop for now": True}  # an answer to these
# What some plans and keys lack that have all the rest.
OPTIONAL = {part for part in VERBS if part.startswith(("webhooks.", "inbox.", "block_list."))} - {"inbox.read_figures"}


@pytest.fixture
def server() -> Scripted:
    return Scripted("/api/v2")


def prepare(server: Scripted, name: str) -> None:
    """Answer well what a verb only asks before, so that the common answer is that to the work itself."""
    if name.startswith("leads.stop"):
        server.routes[f"GET /leads/{LEAD_ID}"] = [(200, INSIDE)]
    elif name == "inbox.reply":
        server.routes["GET /emails"] = [(200, {"items": [RECEIVED]})]
    elif name == "webhooks.put":
        server.routes["GET /webhooks"] = [(200, {"items": []})]
    elif name == "webhooks.delete":
        hook = {"id": "h", "campaign": CAMPAIGN, "target_hook_url": URL, "event_type": "all_events"}
        server.routes["GET /webhooks"] = [(200, {"items": [hook]})]
    elif name == "block_list.remove":
        server.routes[f"GET {ENTRIES}"] = [(200, {"items": [{"id": "e", "bl_value": "a@b.example"}]})]


def ask(server: Scripted, verb: Verb) -> Any:
    return server.call(INSTANTLY, verb)


def fails(server: Scripted, verb: Verb) -> ProviderError:
    return failure(server, INSTANTLY, verb)


def envelope(status: int) -> dict[str, Any]:
    return {"statusCode": status, "error": "Words", "message": "More words"}


def test_every_verb_is_here() -> None:
    assert VERBS.keys() == verbs_called_on(INSTANTLY)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("how", HOWS)
def test_a_failure_says_whether_the_verb_may_have_been_done(server: Scripted, name: str, how: str) -> None:
    prepare(server, name)
    holds(server, INSTANTLY, name, ALL[name], how)


@pytest.mark.parametrize("name", ALL)
def test_a_plan_or_key_that_lacks_something_loses_the_account_only_where_all_is_lost(
    server: Scripted, name: str
) -> None:
    for status in (402, 403):
        for prepared in (False, True):
            server.routes.clear()
            if prepared:
                prepare(server, name)
            server.says(status, envelope(status))
            error = fails(server, ALL[name])
            assert (type(error), error.status) == (Refused if name in OPTIONAL else CredentialRefused, status)
    server.says(401, envelope(401))
    assert type(fails(server, ALL[name])) is CredentialRefused


@pytest.mark.parametrize("name", ALL)
def test_what_is_not_there_is_refused_or_already_stopped(server: Scripted, name: str) -> None:
    server.says(404, envelope(404))
    if name in GONE:
        assert ask(server, ALL[name]) == GONE[name]
    else:
        error = fails(server, ALL[name])
        assert (type(error), error.status) == (Refused, 404)


@pytest.mark.parametrize("name", sorted(ALL.keys() - {"campaigns.has_begun", "inbox.read_figures"}))
def test_an_answer_of_another_form_proves_nothing(server: Scripted, name: str) -> None:
    """An empty list is said with `items`: what lacks them may not be read as an empty campaign."""
    for body in (b"", b'{"items": {}, "data": []}', b"<html>just a moment</html>"):
        server.says(200, body, Content_Type="text/html" if body.startswith(b"<") else "application/json")
        assert type(fails(server, ALL[name])) is (Uncertain if name in ONCE - {"inbox.reply"} else Passing)


@pytest.mark.parametrize("body", [{"items": []}, {"items": [], "next_starting_after": None}])
def test_an_empty_page_means_that_nothing_is_there(server: Scripted, body: object) -> None:
    server.says(200, body)
    assert ask(server, VERBS["account.list_senders"]) == []
    assert ask(server, VERBS["campaigns.find"]) is None
    assert ask(server, VERBS["leads.find_all"]) == {}
    assert ask(server, VERBS["leads.find"]) is None
    assert ask(server, VERBS["block_list.entries"]) == set()
    assert ask(server, VERBS["block_list.remove"]) is None
    assert ask(server, VERBS["block_list.add"]) is None


def test_a_list_that_turns_in_a_circle_comes_to_an_end(server: Scripted) -> None:
    server.says(200, {"items": [{"id": "x", "name": "other"}], "next_starting_after": "x"})
    assert type(fails(server, VERBS["campaigns.find"])) is Passing
    assert len(server.received) == 2


def test_a_cursor_is_handed_back_as_it_came(server: Scripted) -> None:
    cursor = "2026-01-01T00:00:00.000Z&jon+x@doe.example"
    pages: list[tuple[int, object]] = [
        (200, {"items": [{"email": "a@b.example"}], "next_starting_after": cursor}),
        (200, {"items": []}),
    ]
    server.routes["GET /accounts"] = pages
    assert len(ask(server, VERBS["account.list_senders"])) == 1
    assert server.paths()[1].endswith("starting_after=2026-01-01T00%3A00%3A00.000Z%26jon%2Bx%40doe.example")


def test_rows_of_another_campaign_are_passed_over(server: Scripted) -> None:
    """A filter that the provider drops widens the list to the whole workspace."""
    rows: list[dict[str, Any]] = [
        {"id": "1", "email": "a@b.example", "campaign": str(uuid4())},
        {"id": "2", "email": "a@b.example"},
        {"id": "3", "email": "c@d.example", "campaign": CAMPAIGN},
        {"id": None, "email": "a@b.example", "campaign": CAMPAIGN},
        {"id": "4", "email": "A@B.example", "campaign": CAMPAIGN.upper()},
    ]
    server.says(200, {"items": rows[:4]})
    assert ask(server, VERBS["leads.find_all"]) == {}
    server.says(200, {"items": rows})
    assert ask(server, VERBS["leads.find_all"]) == {"a@b.example": "4"}


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize(
    ("active", "stands", "fine"),
    [
        *((True, 1, True), (True, 4, True), (True, 2, False), (True, -1, False), (True, None, False)),
        *((False, 2, True), (False, 0, True), (False, 3, True), (False, 1, False), (False, -1, False)),
    ],
)
def test_a_switch_that_is_refused_is_none_where_it_already_stands(
    server: Scripted, status: int, active: bool, stands: int | None, fine: bool
) -> None:
    place = f"/campaigns/{CAMPAIGN}"
    server.routes[f"POST {place}/{'activate' if active else 'pause'}"] = [(status, envelope(404))]
    server.routes[f"GET {place}"] = [(200, {"id": CAMPAIGN, "status": stands})]
    if fine:
        assert ask(server, lambda c: c.campaigns.set_active(CAMPAIGN, active)) is None
    else:
        error = fails(server, lambda c: c.campaigns.set_active(CAMPAIGN, active))
        assert (type(error), error.status) == (Refused, status)


def test_senders_that_were_dropped_without_a_word_are_refused(server: Scripted) -> None:
    server.says(200, {"id": CAMPAIGN, "email_list": ["other@sender.example"]})
    assert type(fails(server, VERBS["campaigns.put_senders"])) is Refused
    server.says(200, {"id": CAMPAIGN, "email_list": ["Me@Sender.example"]})
    assert ask(server, VERBS["campaigns.put_senders"]) is None


@pytest.mark.parametrize("status", [200, 202])
def test_an_interest_is_taken_with_either_status(server: Scripted, status: int) -> None:
    server.routes[f"GET /leads/{LEAD_ID}"] = [(200, INSIDE)]
    server.routes["POST /leads/update-interest-status"] = [(status, {"message": "words"})]
    assert ask(server, ALL["leads.stop for now"]) is True
    assert [request.method for request in server.received] == ["GET", "POST"]


def test_who_went_between_asking_and_deleting_is_stopped(server: Scripted) -> None:
    server.routes[f"GET /leads/{LEAD_ID}"] = [(200, INSIDE)]
    server.routes[f"DELETE /leads/{LEAD_ID}"] = [(404, envelope(404))]
    assert ask(server, VERBS["leads.stop"]) is True


def test_an_id_stays_one_part_of_the_path(server: Scripted) -> None:
    server.says(404, envelope(404))
    ask(server, lambda c: c.leads.stop(CAMPAIGN, "../campaigns/x?y=#z", for_good=True))
    assert server.paths()[0] == "/leads/..%2Fcampaigns%2Fx%3Fy%3D%23z"


@pytest.mark.parametrize(
    "rows",
    [[{"name": "no id"}], [{"id": None, "name": None, "email": None}], [{"id": {}, "email": []}], [[], 5, None],
     [{"id": "1", "email": "m@x.example", "status": "²", "daily_limit": 1e400, "warmup_status": []}]],
)  # fmt: skip
def test_rows_of_another_form_raise_nothing_but_provider_errors(server: Scripted, rows: list[Any]) -> None:
    server.says(200, {"items": rows, "created_leads": rows, "id": "1", "email_list": rows})
    for name, verb in ALL.items():
        try:
            ask(server, verb)
        except ProviderError:
            continue
        except Exception as error:
            pytest.fail(f"{name} raised {error!r}")


def test_an_answer_about_another_person_hands_over_no_lead(server: Scripted) -> None:
    row = {"index": 0, "id": LEAD_ID, "email": "other@b.example"}
    server.says(200, {"status": "success", "total_sent": 1, "leads_uploaded": 1, "created_leads": [row]})
    (result,) = ask(server, VERBS["leads.add"])
    assert (result.outcome, result.external_id) == (Outcome.UNCERTAIN, None)


def test_people_that_an_ignored_filter_lists_are_passed_over(server: Scripted) -> None:
    """Who is listed as unsubscribed or bounced must be, and in the campaign of the request."""
    rows = [
        {"email": "in@b.example", "campaign": CAMPAIGN, "status": 1},
        {"email": "left@b.example", "campaign": CAMPAIGN, "status": -2},
        {"email": "bounced@b.example", "campaign": CAMPAIGN, "status": -1},
        {"email": "other@b.example", "campaign": str(uuid4()), "status": -2},
        {"email": "listed@b.example", "status": -1},
    ]
    server.says(200, {"items": rows})
    server.routes["GET /emails"] = [(200, {"items": []})]
    shown = [(event.fact, event.email) for event in ask(server, VERBS["inbox.read_facts"])]
    assert sorted(shown) == [(Fact.UNSUBSCRIBED, "left@b.example"), (Fact.BOUNCED, "bounced@b.example")]


def test_a_webhook_for_all_campaigns_is_not_taken_away_for_one(server: Scripted) -> None:
    everywhere = {"id": "all", "target_hook_url": URL, "event_type": "all_events"}
    server.routes["GET /webhooks"] = [(200, {"items": [everywhere, {**everywhere, "id": "one", "campaign": CAMPAIGN}]})]
    server.says(200, {"id": "one"})
    ask(server, VERBS["webhooks.delete"])
    assert server.paths()[1:] == ["/webhooks/one"]


def test_only_what_is_named_is_deleted_and_each_time_it_is_there(server: Scripted) -> None:
    values = {"1": "b.example", "2": "a@b.example", "3": "B.example", "4": "mail.b.example"}
    rows = [{"id": key, "bl_value": value} for key, value in values.items()]
    server.routes[f"GET {ENTRIES}"] = [(200, {"items": rows})]
    server.says(200, [])
    for entry, ids in (("b.example", ["1", "3"]), ("a@b.example", ["2"]), ("c@d.example", None)):
        server.received.clear()
        ask(server, lambda c, entry=entry: c.block_list.remove([entry]))
        query = server.received[0].url.params
        assert (query["search"], query.get("domains_only")) == (entry, None if "@" in entry else "true")
        seen_now = [json.loads(request.content) for request in server.received if request.method == "POST"]
        assert seen_now == ([{"ids": ids}] if ids else [])
        assert not [request for request in server.received if request.method == "DELETE"]


def test_an_entry_that_went_between_looking_and_deleting_is_looked_for_again(server: Scripted) -> None:
    prepare(server, "block_list.remove")
    for status, kind in ((404, Passing), (400, Refused)):
        server.routes[f"POST {ENTRIES}/bulk-delete"] = [(status, envelope(status))]
        error = fails(server, VERBS["block_list.remove"])
        assert (type(error), error.status) == (kind, status)


def test_a_deletion_that_does_not_show_what_went_proves_nothing(server: Scripted) -> None:
    prepare(server, "block_list.remove")
    for body in (b"", {"items": []}):
        server.says(200, body)
        error = fails(server, VERBS["block_list.remove"])
        assert (type(error), error.status) == (Passing, 200)


def test_a_block_list_is_written_in_batches(server: Scripted) -> None:
    entries = [f"p{n}@b.example" for n in range(2001)]
    server.says(200, {"items": []})
    ask(server, lambda c: c.block_list.add(entries))
    sent = [json.loads(request.content)["bl_values"] for request in server.received]
    assert sent == [entries[:1000], entries[1000:2000], entries[2000:]]
    server.received.clear()
    server.routes[f"GET {ENTRIES}"] = [(200, {"items": [{"id": entry, "bl_value": entry} for entry in entries]})]
    server.says(200, [])
    ask(server, lambda c: c.block_list.remove(entries))
    assert server.received[0].url.params.get("search") is None
    gone = [json.loads(request.content)["ids"] for request in server.received[1:]]
    assert [len(batch) for batch in gone] == [1000, 1000, 1]
    assert {entry for batch in gone for entry in batch} == {*entries}
