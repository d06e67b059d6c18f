"""The pure translation between our words and Instantly's."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.errors import Refused
from providers.instantly import mapping, senders, timezones
from providers.models import LeadToAdd, Outcome, Schedule, Step
from providers.zones import Hours, kept
from tests.providers.instantly.schema_fixture import document

A, B, C = (LeadToAdd(uuid4(), f"{name}@x.example") for name in "abc")
CAMPAIGN = "73e7b47e-1c29-42e2-9efc-dd4e257dbcd4"
COUNTERS = {
    "status": "success", "total_sent": 3, "leads_uploaded": 3, "in_blocklist": 0, "blocklist_used": None,
    "duplicated_leads": 0, "skipped_count": 0, "invalid_email_count": 0, "incomplete_count": 0,
    "duplicate_email_count": 0, "remaining_in_plan": 236,
}  # fmt: skip
PUSHED, FAILED, UNCERTAIN = Outcome.PUSHED, Outcome.FAILED, Outcome.UNCERTAIN
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def row(index: int | None, lead: LeadToAdd | None, key: str = "1") -> dict[str, Any]:
    return {"index": index, "id": key, "email": lead.address if lead else None}


def outcomes(answer: Any, *leads: LeadToAdd) -> list[tuple[Outcome, str | None, str | None]]:
    results = mapping.lead_results(leads or (A, B, C), answer)
    assert [result.key for result in results] == [lead.key for lead in leads or (A, B, C)]
    return [(result.outcome, result.external_id, result.reason) for result in results]


def test_the_created_are_named_with_their_ids() -> None:
    rows = [row(2, C, "3"), row(0, A, "1"), row(1, B, "2")]
    assert outcomes({**COUNTERS, "created_leads": rows}) == [(PUSHED, key, None) for key in "123"]


@pytest.mark.parametrize(
    ("created", "place"),
    [
        (row(1, None), 1),  # by place alone
        (row(None, B), 1),  # by address alone
        (row(0, B), 1),  # the address counts
        ({**row(1, B), "email": B.address.upper()}, 1),
        ({**row(1, B), "index": "1"}, 1),
        ({**row(1, B), "index": 1.0}, 1),
        (row(9, None), None),
        (row(-1, None), None),
        ({**row(1, B), "email": "other@x.example"}, None),
        ({"id": "1"}, None),
    ],
)
def test_a_created_lead_is_known_by_place_and_address(created: dict[str, Any], place: int | None) -> None:
    shown = outcomes({**COUNTERS, "leads_uploaded": 1, "created_leads": [created]})
    assert [outcome is PUSHED for outcome, _, _ in shown] == [index == place for index in range(3)]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        ("duplicated_leads", (PUSHED, None, None)),
        ("in_blocklist", (FAILED, None, "not_accepted")),
        ("invalid_email_count", (FAILED, None, "invalid_address")),
        ("skipped_count", (UNCERTAIN, None, None)),
        ("duplicate_email_count", (UNCERTAIN, None, None)),
        ("incomplete_count", (UNCERTAIN, None, None)),
    ],
)
def test_a_count_that_is_all_of_the_others_tells_what_became_of_them(count: str, expected: Any) -> None:
    answer = {**COUNTERS, "leads_uploaded": 1, count: 2, "created_leads": [row(0, A)]}
    assert outcomes(answer) == [(PUSHED, "1", None), expected, expected]


@pytest.mark.parametrize(
    "changes",
    [
        {"duplicated_leads": 1, "in_blocklist": 1},
        {"duplicated_leads": 1},
        {"duplicated_leads": 3},
        {"duplicated_leads": 2, "in_blocklist": 1},
        {"duplicated_leads": 2, "status": "error"},
        {"duplicated_leads": 2, "total_sent": 2},
        {"duplicated_leads": 2, "total_sent": None},
        {"duplicated_leads": "two"},
        {"duplicated_leads": -2, "in_blocklist": 4},
        {},
    ],
)
def test_counts_that_do_not_account_for_the_others_leave_them_open(changes: dict[str, Any]) -> None:
    answer = {**COUNTERS, "leads_uploaded": 1, "created_leads": [row(0, A)], **changes}
    assert outcomes(answer) == [(PUSHED, "1", None), (UNCERTAIN, None, None), (UNCERTAIN, None, None)]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"id": "1", "bl_value": "example.com", "is_domain": True}, ("example.com", "1")),
        ({"id": "1", "bl_value": " A@B.Example "}, ("a@b.example", "1")),
        ({"id": "1", "bl_value": None}, None),
        ({"id": "1", "bl_value": ["a"]}, None),
        ({"id": "", "bl_value": "example.com"}, None),
        ({"bl_value": "example.com"}, None),
        ({}, None),
    ],
)
def test_an_entry_of_the_block_list_has_a_value_and_an_id(entry: dict[str, Any], expected: Any) -> None:
    assert mapping.blocked(entry) == expected


def test_one_address_twice_is_handed_over_once() -> None:
    answer = {**COUNTERS, "total_sent": 2, "duplicate_email_count": 1, "created_leads": [row(0, A)]}
    again = LeadToAdd(uuid4(), A.address)
    assert [outcome for outcome, _, _ in outcomes(answer, A, again)] == [PUSHED, UNCERTAIN]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["²", A.address]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
rows = st.lists(st.dictionaries(st.sampled_from(["index", "id", "email"]), values), max_size=4)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*COUNTERS, "created_leads"]), values), rows)
def test_no_answer_raises_or_forgets_a_lead(changes: dict[str, Any], created: list[Any]) -> None:
    assert len(outcomes({**COUNTERS, "created_leads": created, **changes})) == 3


def test_an_add_skips_no_lead_and_sends_only_what_is_known() -> None:
    fields = {"obx_h_c_city": "Lisbon", "obx_h_c_b": ""} | {f"obx_h_c_k{number}": "x" for number in range(40)}
    full = LeadToAdd(uuid4(), "a@b.example", "Ana", "Silva", "Acme", fields)
    assert mapping.add_leads(CAMPAIGN, [full, A]) == {
        "campaign_id": CAMPAIGN,
        "leads": [
            {
                "email": "a@b.example", "first_name": "Ana", "last_name": "Silva", "company_name": "Acme",
                "custom_variables": fields,
            },
            {"email": A.address},
        ],
        "skip_if_in_workspace": False, "skip_if_in_campaign": False, "skip_if_in_list": False,
        "verify_leads_on_import": False,
    }  # fmt: skip


@pytest.mark.parametrize("text", ["{{obx_h_c_a_0123abcd}}", "{{custom.a}}", "{{ first_name }}", "{ x } {{}} {a|b}", ""])
def test_texts_pass_as_they_are(text: str) -> None:
    (shown,) = mapping.sequence([Step(1, 0, text, text)])[0]["steps"][0]["variants"]
    assert shown == {"subject": text, "body": f"<div>{text}</div>"}


def test_a_delay_stands_at_the_step_before_it() -> None:
    steps = [Step(3, 9, "", "<p>3</p>"), Step(1, 0, "{{obx_l_c_a}}", "<p>1</p>"), Step(2, 4, "", "<p>2</p>")]
    (sequence,) = mapping.sequence(steps)
    assert [step["delay"] for step in sequence["steps"]] == [4, 9, 0]
    assert sequence["steps"][0] == {
        "type": "email", "delay": 4, "delay_unit": "days",
        "variants": [{"subject": "{{obx_l_c_a}}", "body": "<div><p>1</p></div>"}],
    }  # fmt: skip
    assert mapping.sequence([]) == [{"steps": []}]


@pytest.mark.parametrize("body", ["<!DOCTYPE html><p>x</p>", "<html><body>x</body></html>", " <BODY>x</BODY>"])
def test_a_whole_document_is_not_put_into_another(body: str) -> None:
    assert mapping.sequence([Step(1, 0, "s", body)])[0]["steps"][0]["variants"][0]["body"] == body


def test_a_schedule_names_every_day_and_sunday_is_zero() -> None:
    shown = mapping.schedule(Schedule("Asia/Tokyo", [7, 1, 6], time(0, 5), time(23, 59), 3, 1))
    assert shown == {
        "campaign_schedule": {"schedules": [{
            "name": "Schedule", "timing": {"from": "00:05", "to": "23:59"}, "timezone": "Asia/Dili",
            "days": {"0": True, "1": True, "2": False, "3": False, "4": False, "5": False, "6": True},
        }]},
        "email_gap": 3, "daily_max_leads": 1,
    }  # fmt: skip


def test_the_accepted_zones_are_those_of_the_document() -> None:
    body = document()["paths"]["/api/v2/campaigns"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    hours = body["properties"]["campaign_schedule"]["properties"]["schedules"]["items"]
    assert list(timezones.ACCEPTED) == hours["properties"]["timezone"]["enum"]
    assert mapping.FIRST_SCHEDULE["timezone"] in timezones.ACCEPTED


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("America/Chicago", "America/Chicago"),
        ("America/New_York", "America/Detroit"),
        ("America/Denver", "America/Boise"),
        ("America/Phoenix", "America/Creston"),
        ("America/Halifax", "America/Glace_Bay"),
        ("Europe/London", "Europe/Isle_of_Man"),
        ("Europe/Paris", "Europe/Belgrade"),
        ("Europe/Athens", "Europe/Bucharest"),
        ("Europe/Moscow", "Europe/Kirov"),
        ("Asia/Singapore", "Asia/Hong_Kong"),
        ("Australia/Sydney", "Australia/Melbourne"),
        ("America/Los_Angeles", "America/Boise"),
        ("Pacific/Chatham", "Pacific/Auckland"),
        ("Mars/Olympus", None),
        ("", None),
        ("America", None),
        ("../../etc/passwd", None),
        ("x" * 5000, None),
    ],
)
def test_a_zone_is_named_by_the_nearest_accepted_one(ours: str, theirs: str | None) -> None:
    found = kept(Hours(ours, time(9), time(17)), timezones.ACCEPTED, NOW)
    assert (found and found.timezone) == theirs


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(available_timezones())), st.integers(0, 730 * 24))
def test_a_substitute_never_shows_another_time(name: str, hours: int) -> None:
    found = kept(Hours(name, time(9), time(17)), timezones.ACCEPTED, NOW)
    moment = NOW + timedelta(hours=hours)
    # Zones of one rule may change their clocks at different hours of the same day.
    calm = moment.astimezone(ZoneInfo(name)).utcoffset() == (moment + timedelta(days=1)).astimezone(
        ZoneInfo(name)
    ).utcoffset() == (moment - timedelta(days=1)).astimezone(ZoneInfo(name)).utcoffset()  # fmt: skip
    if found is not None and calm:
        ahead = timedelta(hours=found.start.hour - 9, minutes=found.start.minute)
        ours = moment.astimezone(ZoneInfo(name)).utcoffset() or timedelta()
        assert moment.astimezone(ZoneInfo(found.timezone)).utcoffset() == ours + ahead


def test_a_zone_without_an_equal_says_so_in_neutral_words() -> None:
    with pytest.raises(Refused, match="time zone") as refusal:
        mapping.schedule(Schedule("America/Los_Angeles", [1], time(0, 10), time(23, 50), 1, 1))
    assert "instantly" not in str(refusal.value).lower()


@pytest.mark.parametrize(
    ("fields", "active"),
    [
        ({}, True), ({"status": None}, True), ({"status": 1}, True), ({"status": "1"}, True), ({"status": 3}, True),
        ({"status": 2}, False), ({"status": -1}, False), ({"status": -2}, False), ({"status": -3}, False),
        ({"status": 0}, False), ({"status": "odd"}, False), ({"status": 1, "setup_pending": True}, False),
    ],
)  # fmt: skip
def test_a_sender_that_cannot_send_is_not_active(fields: dict[str, Any], active: bool) -> None:
    assert senders.sender({"email": "m@x.example", **fields}).active is active


@pytest.mark.parametrize(
    ("status", "word"),
    [(1, "active"), (1.0, "active"), (0, "inactive"), (-1, "inactive"), (-3, "inactive"), (None, "unknown"),
     (7, "unknown"), ("", "unknown"), ([], "unknown")],
)  # fmt: skip
def test_a_warm_up_is_shown_in_three_words(status: Any, word: str) -> None:
    assert senders.sender({"email": "m@x.example", "warmup_status": status}).warmup_status == word


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(40, 40), (40.0, 40), ("40", 40), (None, None), ("", None), (0, 0), (-1, None), (True, None), (1e400, None)],
)
def test_a_daily_limit_is_a_number_or_unknown(limit: Any, expected: int | None) -> None:
    assert senders.sender({"email": "m@x.example", "daily_limit": limit}).daily_limit == expected


def test_a_sender_is_known_by_its_address_and_keeps_no_secret() -> None:
    row = {"email": "m@x.example", "first_name": "Mia", "last_name": None, "imap_password": "hush", "signature": "hush"}
    sender = senders.sender(row)
    assert (sender.external_id, sender.address, sender.display_name) == ("m@x.example", "m@x.example", "Mia")
    assert "hush" not in repr(sender)


@pytest.mark.parametrize("address", ["a@b.example", "A.b+c_d-e@sub.b-c.example", "o'neil@b.co"])
def test_a_plain_address_can_be_filtered_by(address: str) -> None:
    assert mapping.PLAIN_ADDRESS.fullmatch(address)


@pytest.mark.parametrize("address", ["", "a", "a@b", "zoë@b.example", "a@bü.example", '"a b"@c.example', "a..b@c.co"])
def test_an_odd_address_cannot(address: str) -> None:
    assert not mapping.PLAIN_ADDRESS.fullmatch(address)
