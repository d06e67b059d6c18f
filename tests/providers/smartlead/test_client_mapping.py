"""The pure translation between our words and Smartlead's."""

import json
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.models import LeadToAdd, Outcome, Schedule, Step
from providers.smartlead import mapping, senders

A, B, C = (LeadToAdd(uuid4(), f"{name}@x.example") for name in "abc")
# The live answer of section 4.1, for three leads that are all new.
COUNTERS: dict[str, Any] = {
    "ok": True, "upload_count": 3, "total_leads": 3, "block_count": 0, "duplicate_count": 0,
    "invalid_email_count": 0, "invalid_emails": [], "already_added_to_campaign": 0, "unsubscribed_leads": [],
    "is_lead_limit_exhausted": False, "lead_import_stopped_count": 0, "bounce_count": 0,
}  # fmt: skip
PUSHED, FAILED, UNCERTAIN = Outcome.PUSHED, Outcome.FAILED, Outcome.UNCERTAIN


def ids(*, new: Any = None, here: Any = None, elsewhere: Any = None) -> dict[str, Any]:
    groups: dict[str, Any] = {
        "newlyAddedLeads": new or {},
        "existingLeads": here or {},
        "existingLeadsInOtherCampaigns": elsewhere or {},
    }
    return {"emailToLeadIdMap": groups}


def outcomes(body: Any, *leads: LeadToAdd) -> list[tuple[Outcome, str | None, str | None]]:
    results = mapping.lead_results(leads or (A, B, C), body)
    assert [result.key for result in results] == [lead.key for lead in leads or (A, B, C)]
    return [(result.outcome, result.external_id, result.reason) for result in results]


def test_the_map_of_ids_tells_who_was_added_and_who_was_there() -> None:
    body = {**COUNTERS, "total_leads": 2, "already_added_to_campaign": 1}
    body |= ids(new={A.address: "1", B.address: "2"}, here={C.address: "3"})
    assert outcomes(body) == [(PUSHED, "1", None), (PUSHED, "2", None), (PUSHED, "3", None)]


def test_ids_may_be_numbers_and_addresses_upper_case() -> None:
    assert outcomes({**COUNTERS, **ids(new={A.address.upper(): 1})}, A) == [(PUSHED, "1", None)]


def test_without_the_map_totals_that_account_for_all_are_enough() -> None:
    assert outcomes(COUNTERS) == [(PUSHED, None, None)] * 3
    assert outcomes({**COUNTERS, "total_leads": "2", "already_added_to_campaign": "1"}) == [(PUSHED, None, None)] * 3


@pytest.mark.parametrize(
    "changes",
    [
        {"total_leads": 2},
        {"total_leads": 2, "block_count": 1},
        {"total_leads": 0, "is_lead_limit_exhausted": True, "lead_import_stopped_count": 3},
        {"ok": False},
        {"ok": "true"},
        {"total_leads": None},
        {"total_leads": "²"},
        {"total_leads": -3, "already_added_to_campaign": 6},
        {"total_leads": 4},
    ],
)
def test_without_the_map_totals_that_do_not_add_up_leave_all_open(changes: dict[str, Any]) -> None:
    assert outcomes({**COUNTERS, **changes}) == [(UNCERTAIN, None, None)] * 3


def test_a_lead_that_the_answer_calls_invalid_is_refused() -> None:
    body = {**COUNTERS, "total_leads": 2, "invalid_email_count": 1, "invalid_emails": [B.address.upper()]}
    body |= ids(new={A.address: "1", C.address: "3"})
    assert outcomes(body) == [(PUSHED, "1", None), (FAILED, None, "invalid_address"), (PUSHED, "3", None)]


@pytest.mark.parametrize("row", [B.address, {"email": B.address}, {"email": B.address.upper(), "id": 5}])
def test_unsubscribed_people_are_named_in_a_list(row: Any) -> None:
    body = {**COUNTERS, "total_leads": 2, "unsubscribed_leads": [row], **ids(new={A.address: "1", C.address: "3"})}
    assert outcomes(body)[1] == (FAILED, None, "unsubscribed")


def test_unsubscribed_people_may_only_be_counted() -> None:
    body = {**COUNTERS, "total_leads": 2, "unsubscribed_leads": 1, **ids(new={A.address: "1", C.address: "3"})}
    assert outcomes(body) == [(PUSHED, "1", None), (UNCERTAIN, None, None), (PUSHED, "3", None)]


NOT_ACCEPTED = (FAILED, None, "not_accepted")


def test_blocked_people_are_only_counted_and_are_all_who_are_left() -> None:
    body = {**COUNTERS, "total_leads": 2, "block_count": 1, **ids(new={A.address: "1", C.address: "3"})}
    assert outcomes(body) == [(PUSHED, "1", None), NOT_ACCEPTED, (PUSHED, "3", None)]
    assert outcomes({**COUNTERS, "total_leads": 0, "block_count": "3"}) == [NOT_ACCEPTED] * 3
    here = ids(new={A.address: "1"}, here={C.address: "3"})
    body |= {"total_leads": 1, "already_added_to_campaign": 1, **here}
    assert outcomes(body) == [(PUSHED, "1", None), NOT_ACCEPTED, (PUSHED, "3", None)]


def test_blocked_people_are_kept_apart_from_the_refused_who_are_named() -> None:
    body = {**COUNTERS, "total_leads": 0, "block_count": 1, "unsubscribed_leads": [A.address]}
    body |= {"invalid_email_count": 1, "invalid_emails": [C.address]}
    assert outcomes(body) == [(FAILED, None, "unsubscribed"), NOT_ACCEPTED, (FAILED, None, "invalid_address")]
    body |= {"unsubscribed_leads": 1}  # who of the two is which is not said
    assert [outcome for outcome, _, _ in outcomes(body)] == [UNCERTAIN, UNCERTAIN, FAILED]


@pytest.mark.parametrize(
    "changes",
    [
        {"ok": False},
        {"block_count": 2},
        {"block_count": 0},
        {"block_count": -1},
        {"block_count": None},
        {"total_leads": 3},
        {"total_leads": 1},
        {"unsubscribed_leads": 1},
        {"invalid_email_count": 1},
        {"already_added_to_campaign": 1},
    ],
)
def test_totals_that_do_not_account_for_all_block_none(changes: dict[str, Any]) -> None:
    body = {**COUNTERS, "total_leads": 2, "block_count": 1, **ids(new={A.address: "1", C.address: "3"}), **changes}
    assert outcomes(body)[1][0] is not FAILED


def test_people_of_another_campaign_are_not_taken_for_blocked() -> None:
    shown = ids(new={A.address: "1"}, elsewhere={B.address: "2"})
    body = {**COUNTERS, "total_leads": 1, "block_count": 1, **shown}
    assert outcomes(body) == [(PUSHED, "1", None), (UNCERTAIN, None, None), (UNCERTAIN, None, None)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"id": 1, "email_or_domain": "apple.com", "source": "manual", "client_id": None}, ("apple.com", "1")),
        ({"id": "1", "email_or_domain": " A@B.Example "}, ("a@b.example", "1")),
        ({"id": 1, "email_or_domain": "apple.com", "client_id": 22}, None),  # a client's own: others may have them
        ({"id": 1, "email_or_domain": None}, None),
        ({"email_or_domain": "apple.com"}, None),
        ({"id": None, "email_or_domain": "apple.com"}, None),
        ({"id": {}, "email_or_domain": []}, None),
        ({}, None),
    ],
)
def test_an_entry_of_the_block_list_is_the_accounts_own(row: dict[str, Any], expected: Any) -> None:
    assert mapping.blocked(row) == expected


def test_people_in_other_campaigns_only_are_not_handed_over() -> None:
    body = {**COUNTERS, "upload_count": 1, "total_leads": 0, **ids(elsewhere={A.address: "1"})}
    assert outcomes(body, A) == [(UNCERTAIN, None, None)]


def test_a_part_of_the_map_alone_does_not_hand_over_the_rest() -> None:
    body = {**COUNTERS, "total_leads": 1, **ids(new={A.address: "1"}, elsewhere={B.address: "2", C.address: "3"})}
    assert outcomes(body) == [(PUSHED, "1", None), (UNCERTAIN, None, None), (UNCERTAIN, None, None)]


NAMELESS: list[Any] = [
    None, "", "success", [], {}, {"ok": True},
    {"success": True, "data": {"added_count": 3, "skipped_count": 0, "skipped_leads": []}},  # the guide's, wrong
    {"ok": True, "inserted_count": 3, "blocked_count": 0},  # the OpenAPI file's, wrong
    {"ok": False, "is_lead_limit_exhausted": True, "lead_import_stopped_count": 1, "error": "The limit"},
    {**COUNTERS, "total_leads": 0, "emailToLeadIdMap": None},
    {**COUNTERS, "total_leads": 0, "emailToLeadIdMap": {"newlyAddedLeads": None, "existingLeads": []}},
]  # fmt: skip


@pytest.mark.parametrize("body", NAMELESS)
def test_an_answer_that_names_no_lead_leaves_all_open(body: Any) -> None:
    assert outcomes(body) == [(UNCERTAIN, None, None)] * 3


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("²"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from([*COUNTERS, "emailToLeadIdMap"])


@settings(deadline=None)
@given(st.dictionaries(names, values))
def test_no_answer_raises_or_forgets_a_lead(changes: dict[str, Any]) -> None:
    assert len(outcomes({**COUNTERS, **changes})) == 3


def test_an_add_sends_only_known_keys() -> None:
    full = LeadToAdd(uuid4(), "a@b.example", "Ana", "Silva", "Acme", {"obx_h_c_city": "Lisbon", "obx_h_c_b": ""})
    body = mapping.add_leads([full, A])
    assert body["lead_list"] == [
        {
            "email": "a@b.example", "first_name": "Ana", "last_name": "Silva", "company_name": "Acme",
            "custom_fields": {"obx_h_c_city": "Lisbon", "obx_h_c_b": ""},
        },
        {"email": A.address},
    ]  # fmt: skip
    assert body["settings"]["return_lead_ids"] is True
    assert not body["settings"]["ignore_global_block_list"]
    assert not body["settings"]["ignore_unsubscribe_list"]
    assert set(body) == {"lead_list", "settings"}


@pytest.mark.parametrize("count", [1, 19, 20, 21, 60])
def test_of_many_fields_the_first_are_sent(count: int) -> None:
    fields = {f"obx_h_c_k{number}": str(number) for number in range(count)}
    (shown,) = mapping.add_leads([LeadToAdd(uuid4(), A.address, fields=fields)])["lead_list"]
    assert list(shown["custom_fields"].items()) == list(fields.items())[:20]


@pytest.mark.parametrize("text", ["{{obx_h_c_a_0123abcd}}", "{{custom.a}}", "{{ first_name }}", "{ x } {{}} {a|b}", ""])
def test_texts_pass_as_they_are(text: str) -> None:
    (shown,) = mapping.sequence([Step(1, 0, text, text)], {})
    assert (shown["subject"], shown["email_body"]) == (text, text)


def test_a_sequence_sends_back_the_ids_it_has() -> None:
    steps = [Step(1, 0, "{{obx_l_c_a}}", "<p>1</p>"), Step(2, 4, "", "<p>2</p>")]
    assert mapping.sequence(steps, {"1": 77}) == [
        {
            "id": 77, "seq_number": 1, "seq_delay_details": {"delay_in_days": 0}, "subject": "{{obx_l_c_a}}",
            "email_body": "<p>1</p>",
        },
        {
            "id": None, "seq_number": 2, "seq_delay_details": {"delay_in_days": 4}, "subject": "",
            "email_body": "<p>2</p>",
        },
    ]  # fmt: skip


def test_a_schedule_is_flat_and_sunday_is_zero() -> None:
    assert mapping.schedule(Schedule("Asia/Tokyo", [7, 1, 6], time(0, 5), time(23, 59), 3, 1)) == {
        "timezone": "Asia/Tokyo", "days_of_the_week": [0, 1, 6], "start_hour": "00:05", "end_hour": "23:59",
        "min_time_btw_emails": 3, "max_new_leads_per_day": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "active"),
    [
        ({}, True),
        ({"is_smtp_success": True, "is_imap_success": True}, True),
        ({"is_smtp_success": False}, False),
        ({"is_imap_success": False}, False),
        ({"is_suspended": True}, False),
    ],
)
def test_a_sender_that_cannot_send_is_not_active(row: dict[str, Any], active: bool) -> None:
    assert senders.sender({"id": 1, "from_email": "m@x.example", **row}).active is active


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(40, 40), ("40", 40), (None, None), ("", None), ("many", None), (0, 0), ("²", None), (-1, None)],
)
def test_a_daily_limit_is_a_number_or_unknown(limit: Any, expected: int | None) -> None:
    assert senders.sender({"id": 1, "message_per_day": limit}).daily_limit == expected


def test_a_sender_keeps_no_password() -> None:
    row = {"id": 1, "from_email": "m@x.example", "password": "hush", "imap_password": "hush", "username": "u"}
    assert "hush" not in repr(senders.sender(row))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"lead": {"id": 5, "email": "A@B.example"}}, ("a@b.example", "5")),
        ({"id": "5", "email": "a@b.example"}, ("a@b.example", "5")),
        ({"lead": None}, ("", "")),
        ({}, ("", "")),
    ],
)
def test_a_row_of_a_list_is_an_address_and_an_id(row: dict[str, Any], expected: tuple[str, str]) -> None:
    assert mapping.campaign_lead(row) == expected


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5))])
def test_a_moment_for_the_filter_is_utc_with_slack(zone: timezone) -> None:
    moment = datetime(2026, 7, 11, 12, 0, 0, 123456, tzinfo=UTC).astimezone(zone)
    assert mapping.with_slack(moment) in ("2026-07-11T11:50:00.123Z", "2026-07-11T16:50:00.123+05:00")


def test_a_campaigns_name_ends_with_its_marker() -> None:
    assert mapping.campaign_name("Spring", "obx-1") == "Spring [obx-1]"
    assert json.dumps(mapping.campaign_name("é\u2028", "m"))
