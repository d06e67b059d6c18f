"""The pure translation between our words and HeyReach's."""

from collections.abc import Iterator
from datetime import time
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.errors import Refused
from providers.heyreach import HEYREACH, mapping, senders, sequences
from providers.models import LeadToAdd, Outcome, Schedule, Step
from providers.templates import UNSEEN
from tests.providers.heyreach.client_fixture import new_campaign, stands
from tests.providers.heyreach.simulator_fixture import Simulator, shared, sim

__all__ = ["shared", "sim"]
A, B, C = (LeadToAdd(uuid4(), f"linkedin.com/in/{name}") for name in ("ada", "ben", "cy"))
URL = "https://x.example/hook"
COUNTS = {"addedLeadsCount": 2, "updatedLeadsCount": 1, "failedLeadsCount": 0}
NO_COUNTS: list[Any] = [None, "many", True, []]
ACTIONS = ("CONNECTION_REQUEST", "MESSAGE", "INMAIL", "VIEW_PROFILE", "FOLLOW")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.linkedin.com/in/Ada-Doe/", "linkedin.com/in/ada-doe"),
        ("http://de.LinkedIn.com/IN/ada?trk=x#top", "linkedin.com/in/ada"),
        ("linkedin.com/in/J%C3%B6rg", "linkedin.com/in/j:c3:b6rg"),
        ("see linkedin.com/in/ada please", None),
        ("https://www.linkedin.com/in/ACoAAB0000Ex", "linkedin.com/in/ACoAAB0000Ex"),
        ("https://www.linkedin.com/in/acoAAB0000Ex", "linkedin.com/in/acoaab0000ex"),
        ("https://www.linkedin.com/in/", None),
        ("https://www.linkedin.com/company/acme", None),
        ("a@b.example", None),
        ("", None),
        (None, None),
        (5, None),
    ],
)
def test_a_profile_has_one_spelling(url: object, expected: str | None) -> None:
    assert mapping.profile(url) == expected
    assert expected is None or mapping.profile(mapping.profile_url(str(url))) == expected


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, Outcome.PUSHED),
        ({"addedLeadsCount": 3, "updatedLeadsCount": 0}, Outcome.PUSHED),
        ({"addedLeadsCount": 0, "updatedLeadsCount": 3}, Outcome.PUSHED),
        ({"addedLeadsCount": 1, "failedLeadsCount": 1}, Outcome.UNCERTAIN),
        ({"failedLeadsCount": 1}, Outcome.UNCERTAIN),
        ({"addedLeadsCount": 3}, Outcome.UNCERTAIN),
        ({"addedLeadsCount": 0, "updatedLeadsCount": 0}, Outcome.UNCERTAIN),
        ({"addedLeadsCount": 4, "updatedLeadsCount": -1}, Outcome.UNCERTAIN),
        *(({name: value}, Outcome.UNCERTAIN) for name in COUNTS for value in NO_COUNTS),
    ],
)
def test_counts_tell_only_where_they_account_for_all(changes: dict[str, Any], outcome: Outcome) -> None:
    results = mapping.lead_results((A, B, C), {**COUNTS, **changes})
    assert [(result.key, result.outcome, result.external_id) for result in results] == [
        (lead.key, outcome, f"https://www.{lead.address}" if outcome is Outcome.PUSHED else None) for lead in (A, B, C)
    ]


def test_an_add_sends_only_what_is_known() -> None:
    fields = {"obx_t_c_opener": "Hi", "obx_t_c_email": "other", "obx_t_last_name": ""}
    full = LeadToAdd(A.key, A.address, "Ada", "Doe", "Acme", fields, "ada@acme.example")
    shown = mapping.add_leads(5, [full, B], [7], resume_paused=True)
    assert shown == {
        "campaignId": 5, "resumeFinishedCampaign": True, "resumePausedCampaign": True,
        "accountLeadPairs": [
            {"linkedInAccountId": 7, "lead": {
                "profileUrl": "https://www.linkedin.com/in/ada", "firstName": "Ada", "lastName": "Doe",
                "companyName": "Acme", "emailAddress": "ada@acme.example",
                "customUserFields": [
                    {"name": "obx_t_c_opener", "value": "Hi"}, {"name": "obx_t_c_email", "value": "other"},
                    {"name": "obx_t_last_name", "value": UNSEEN},
                ],
            }},
            {"linkedInAccountId": 7, "lead": {"profileUrl": "https://www.linkedin.com/in/ben"}},
        ],
    }  # fmt: skip
    with pytest.raises(Refused):
        mapping.add_leads(5, [LeadToAdd(uuid4(), "a@b.example")], [7], resume_paused=False)


def test_a_person_keeps_the_seat_in_any_batch() -> None:
    leads = [LeadToAdd(uuid4(), f"linkedin.com/in/p{number}") for number in range(90)]
    seats = [
        pair["linkedInAccountId"]
        for pair in mapping.add_leads(5, leads, [7, 8, 9], resume_paused=False)["accountLeadPairs"]
    ]
    again = [
        mapping.add_leads(5, [lead], [7, 8, 9], resume_paused=False)["accountLeadPairs"][0]["linkedInAccountId"]
        for lead in leads
    ]
    assert seats == again
    assert all(seats.count(seat) > 15 for seat in (7, 8, 9))


@pytest.mark.parametrize(
    ("ours", "theirs", "spare"),
    [
        ("Hi {{obx_t_first_name}} {{obx_t_last_name}}!", "Hi {obx_t_first_name} {obx_t_last_name}!", "Hi!"),
        ("{{ obx_t_a }}, {{obx_t_email}}", "{obx_t_a}, {obx_t_email}", "obx_t_a , obx_t_email"),
        ("Dear {{obx_t_first_name}}, ok", "Dear {obx_t_first_name}, ok", "Dear, ok"),
        ("I saw {{obx_t_c_A1}} {{x}} grow", "I saw {obx_t_c_A1} {x} grow", "I saw grow"),
        ("{{obx_t_c_city_0123abcd}} and {{ a_1 }}", "{obx_t_c_city_0123abcd} and {a_1}", "and"),
        ("{{first_name}}, how are you at {{company_name}}?", "{first_name}, how are you at {company_name}?",
         "how are you at?"),
        ("Hi {{obx_t_a}},\n\n{{obx_t_b}}\nBye", "Hi {obx_t_a},\n\n{obx_t_b}\nBye", "Hi,\n\n\nBye"),
        ("{{obx_t_a}}", "{obx_t_a}", "obx_t_a"),
        ("{{custom.a}}", "{{custom.a}}", "custom.a"),
        ("two  spaces, :) and {{{{", "two  spaces, :) and {{{{", "two  spaces, :) and"),
        ("a set {x}", "a set {x}", "a set x"),
        ("plain  text ", "plain  text ", "plain  text "),
        ("", "", ""),
    ],
)  # fmt: skip
def test_fields_are_rewritten_and_left_out_where_they_are_not_known(ours: str, theirs: str, spare: str) -> None:
    assert sequences.variables(ours) == theirs
    assert sequences.fallback(ours) == spare


@given(st.lists(st.sampled_from(["{{obx_t_a}}", "{{ b_1 }}", "{", "}", " ", "\n", ",", "x", "Hi "]), max_size=8))
def test_what_is_said_instead_holds_no_variable_and_is_something(parts: list[str]) -> None:
    text = "".join(parts)
    spare = sequences.fallback(text)
    assert bool(spare) is bool(text)
    assert not sequences.VARIABLE.search(spare)
    assert len(spare) <= len(text)


def steps(*kinds: str, days: int = 2) -> list[Step]:
    texts = {"connection_request": ("", "Hi"), "message": ("", "Hello {{obx_t_first_name}}"), "inmail": ("S", "Hello")}
    return [
        Step(number, 0 if number == 1 else days, *texts.get(kind, ("", "")), kind)
        for number, kind in enumerate(kinds, start=1)
    ]


def walk(node: dict[str, Any], parent: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each node after the kind of the one before it."""
    yield parent, node
    for name in ("conditionalNode", "unconditionalNode"):
        if name in node:
            yield from walk(node[name], node["nodeType"])


def spine(node: dict[str, Any]) -> list[str]:
    """Return the way of a person who accepts and is connected."""
    then = node.get("conditionalNode") or node.get("unconditionalNode")
    return [node["nodeType"], *(spine(then) if then else [])]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["connection_request", "message", "message"], ["CONNECTION_REQUEST", "MESSAGE", "MESSAGE", "END"]),
        (["connection_request"], ["CONNECTION_REQUEST", "END"]),
        (["profile_view", "follow", "connection_request", "message"],
         ["VIEW_PROFILE", "FOLLOW", "CONNECTION_REQUEST", "MESSAGE", "END"]),
        (["message", "message"], ["CHECK_IS_CONNECTION", "MESSAGE", "MESSAGE", "END"]),
        (["inmail", "message"], ["INMAIL", "CHECK_IS_CONNECTION", "MESSAGE", "END"]),
        (["profile_view", "message", "connection_request", "message"],
         ["VIEW_PROFILE", "CHECK_IS_CONNECTION", "MESSAGE", "CONNECTION_REQUEST", "MESSAGE", "END"]),
        (["connection_request", "profile_view", "inmail"], ["CONNECTION_REQUEST", "VIEW_PROFILE", "INMAIL", "END"]),
        ([], ["END"]),
    ],
)  # fmt: skip
def test_steps_become_a_tree_that_only_those_who_accept_go_on_in(kinds: list[str], expected: list[str]) -> None:
    tree = sequences.sequence(list(reversed(steps(*kinds))))
    assert spine(tree) == expected
    for parent, node in walk(tree):
        if parent in ACTIONS:
            assert node["actionDelayUnit"] == "DAY" or node["actionDelay"] >= 3
        if node["nodeType"] in ("CONNECTION_REQUEST", "CHECK_IS_CONNECTION"):
            assert node["unconditionalNode"]["nodeType"] == "END"
        assert ("unconditionalNode" in node) is (node["nodeType"] != "END")


def test_a_person_who_has_not_answered_a_request_is_waited_for() -> None:
    """The branch of those who do not accept is taken when its wait is over, and then no person comes back."""
    end = sequences.sequence(steps("connection_request", "message"))["unconditionalNode"]
    assert end == {"nodeType": "END", "actionDelay": 30, "actionDelayUnit": "DAY"}


def test_a_wait_before_looking_who_is_connected_is_waited_once() -> None:
    check = sequences.sequence(steps("profile_view", "message", days=4))["unconditionalNode"]
    assert (check["nodeType"], check["actionDelay"], check["actionDelayUnit"]) == ("CHECK_IS_CONNECTION", 4, "DAY")
    assert check["conditionalNode"]["actionDelay"] == 0
    at_once = sequences.sequence(steps("profile_view", "message", days=0))["unconditionalNode"]
    assert (at_once["actionDelay"], at_once["actionDelayUnit"]) == (3, "HOUR")


@pytest.mark.parametrize(
    ("step", "payload"),
    [
        (Step(1, 0, "", "", "connection_request"), {"messages": []}),
        (Step(1, 0, "", "Hi {{obx_t_first_name}}", "connection_request"),
         {"messages": ["Hi {obx_t_first_name}"], "fallbackMessage": "Hi"}),
        (Step(1, 0, "To {{obx_l_company_name}}", "Hi", "inmail"),
         {"messages": [{"subject": "To {obx_l_company_name}", "message": "Hi"}],
          "fallbackMessage": {"subject": "To", "message": "Hi"}}),
        (Step(1, 0, "", "", "profile_view"), None),
        (Step(1, 0, "", "", "follow"), None),
    ],
)  # fmt: skip
def test_a_step_says_what_it_has_to_say(step: Step, payload: dict[str, Any] | None) -> None:
    assert sequences.sequence([step]).get("payload") == payload


@pytest.mark.parametrize("kinds", [["connection_request", "connection_request"], ["email"]])
def test_steps_that_no_tree_can_express_are_refused(kinds: list[str]) -> None:
    with pytest.raises(Refused) as refusal:
        sequences.sequence(steps(*kinds))
    assert "heyreach" not in str(refusal.value).lower()


KINDS = HEYREACH.features.step_types


def test_every_tree_is_accepted(sim: Simulator) -> None:
    """All rows of three steps, but for a follow after a request, which the provider refuses."""
    campaign = new_campaign(sim)
    rows = [(a, b, c) for a in KINDS for b in KINDS for c in KINDS if (a, b, c).count("connection_request") < 2]
    assert len(rows) == 112
    for kinds in rows:
        for days in (0, 2):
            tree = sequences.sequence(steps(*kinds, days=days))
            answer = sim.ask("POST", "/campaign/UpdateSequence", {"campaignId": campaign, "sequence": tree})
            after = "connection_request" in kinds and "follow" in kinds[kinds.index("connection_request") :]
            assert (answer.status_code == 400) is after, (kinds, answer.text)
    assert stands(sim, campaign)["sequence"] is not None


def test_a_schedule_names_every_day() -> None:
    shown = mapping.schedule(Schedule("Asia/Tokyo", [7, 1, 6], time(0, 5), time(23, 59), 3, 1))
    assert shown == {
        "dailyStartTime": "00:05:00", "dailyEndTime": "23:59:00", "timeZoneId": "Asia/Tokyo",
        "enabledMonday": True, "enabledTuesday": False, "enabledWednesday": False, "enabledThursday": False,
        "enabledFriday": False, "enabledSaturday": True, "enabledSunday": True,
    }  # fmt: skip


SEAT = {
    "id": 71110, "emailAddress": "sender@example.com", "firstName": "Jane", "lastName": "Roe", "isActive": False,
    "authIsValid": True, "profileUrl": "https://www.linkedin.com/in/Jane-Roe/",
    "accountLimits": {"connectioRequestLimit": 20, "connectioRequestMax": 40},
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({}, "address", "linkedin.com/in/jane-roe"),
        ({"profileUrl": None}, "address", "sender@example.com"),
        ({"profileUrl": "", "emailAddress": None}, "address", "seat 5850e199"),
        ({"firstName": None, "lastName": None}, "display_name", None),
        ({"firstName": None}, "display_name", "Roe"),
        ({}, "active", True),
        ({"authIsValid": False, "isActive": True}, "active", False),
        ({"authIsValid": None}, "active", False),
        ({}, "daily_limit", 20),
        ({"accountLimits": None}, "daily_limit", None),
        ({"accountLimits": {"connectioRequestLimit": "none"}}, "daily_limit", None),
        ({}, "external_id", "71110"),
    ],
)
def test_a_seat_is_read_as_a_sender(changes: dict[str, Any], name: str, value: object) -> None:
    assert getattr(senders.sender({**SEAT, **changes}), name) == value


@pytest.mark.parametrize("text", ["x" * 99, "🎉" * 99, "  Spring  ", "", "\n"])
def test_names_are_cut_to_what_is_taken(text: str) -> None:
    name, list_name = mapping.campaign_name(text), mapping.list_name(text, "obx-1")
    assert 1 <= len(name.encode("utf-16-le")) // 2 <= 50
    assert list_name.endswith("[obx-1]")
    assert list_name == list_name.strip()
    assert text.strip()[:5] in name


def hook(**changes: Any) -> dict[str, Any]:
    wanted = mapping.hook(5, URL, "MESSAGE_SENT", "obx message sent")
    return {"id": 1, "isActive": True, **wanted, **changes}


@pytest.mark.parametrize(
    ("changes", "ours", "needs"),
    [
        ({}, True, {}),
        ({"webhookName": "Named by hand"}, True, {}),
        ({"isActive": False}, True, {"isActive": True}),
        ({"campaignIds": []}, True, {"campaignIds": [5]}),
        ({"campaignIds": None}, True, {"campaignIds": [5]}),
        ({"webhookUrl": "https://old.example"}, True, {"webhookUrl": URL}),
        ({"webhookUrl": "https://old.example", "webhookName": "Theirs"}, False, None),
        ({"webhookUrl": "https://old.example", "campaignIds": []}, False, None),
        ({"campaignIds": [6]}, False, None),
        ({"eventType": "INMAIL_SENT"}, False, None),
    ],
)
def test_a_webhook_is_ours_and_needs_little(changes: dict[str, Any], ours: bool, needs: dict[str, Any] | None) -> None:
    wanted = mapping.hook(5, URL, "MESSAGE_SENT", "obx message sent")
    assert mapping.is_our_hook(hook(**changes), wanted) is ours
    assert needs is None or mapping.hook_changes(hook(**changes), wanted) == needs


def test_a_webhooks_name_has_the_length_that_is_taken() -> None:
    assert len(mapping.HOOKS) == 6
    assert all(3 <= len(name) <= 25 for name in mapping.HOOKS.values())
    assert len(set(mapping.HOOKS.values())) == 6


@pytest.mark.parametrize(
    ("status", "when_active", "when_not"),
    [
        ("DRAFT", "StartCampaign", None), ("SCHEDULED", "StartCampaign", None), ("STARTING", None, "Pause"),
        ("IN_PROGRESS", None, "Pause"), ("PAUSED", "Resume", None), ("FINISHED", "Resume", None),
        ("FAILED", "Resume", None), ("CANCELED", "Resume", None),
    ],
)  # fmt: skip
def test_the_verb_depends_on_the_status(status: str, when_active: str | None, when_not: str | None) -> None:
    assert (mapping.switch(status, True), mapping.switch(status, False)) == (when_active, when_not)


def test_ids_that_are_no_numbers_are_refused() -> None:
    assert mapping.accounts(["7", "8"]) == [7, 8]
    for seats in ([], ["7", "me@x.example"], ["²"], ["9" * 30]):
        with pytest.raises(Refused):
            mapping.accounts(seats)


EMPTY: list[Any] = [[], {}]
values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(EMPTY)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*SEAT, *COUNTS, "campaignIds", "eventType", "listType", "name"]), values))
def test_no_row_raises(row: dict[str, Any]) -> None:
    senders.sender({"id": 1, **row})
    mapping.lead_results([A], row)
    mapping.settings(row, "n")
    mapping.is_our_hook(row, mapping.hook(5, URL, "MESSAGE_SENT", "n"))
    assert mapping.has_marker(row, "obx-1") is False
