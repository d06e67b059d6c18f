"""How a mailbox or seat is, read from what its provider lists, however odd that is."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.heyreach.senders import sender as seat
from providers.instantly.senders import sender as instantly_mailbox
from providers.models import Health, SenderSeen
from providers.smartlead.senders import sender as smartlead_mailbox

Row = dict[str, Any]
FUZZ = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SMARTLEAD: Row = {
    "id": 4155843310, "from_email": "jane@example.com", "from_name": "Jane", "message_per_day": 40,
    "daily_sent_count": 7, "is_smtp_success": True, "is_imap_success": True, "is_suspended": False,
    "smtp_failure_error": None, "imap_failure_error": None, "password": "hunter2",
    "warmup_details": {"status": "ACTIVE", "warmup_reputation": "95%", "blocked_reason": None},
}  # fmt: skip
INSTANTLY: Row = {
    "email": "jane@example.com", "first_name": "Jane", "last_name": "Roe", "status": 1, "setup_pending": False,
    "daily_limit": 40, "warmup_status": 1, "stat_warmup_score": 95, "status_message": None,
}  # fmt: skip
HEYREACH: Row = {
    "id": 110357, "emailAddress": "jane@example.com", "firstName": "Jane", "lastName": "Roe", "isActive": True,
    "authIsValid": True, "profileUrl": "https://www.linkedin.com/in/Jane-Roe", "connectionRequestCooldown": None,
    "connectionNoteCooldown": None, "inMailCooldown": None, "searchCooldown": None,
    "accountLimits": {
        "connectioRequestLimit": 25, "messageLimit": 50, "inMailLimit": 15, "profileViewLimit": 100, "followLimit": 30,
        "postLikeLimit": 10, "connectioRequestMax": 100,
    },
}  # fmt: skip
READERS: dict[str, tuple[Row, Callable[[Row], SenderSeen]]] = {
    "smartlead": (SMARTLEAD, smartlead_mailbox),
    "instantly": (INSTANTLY, instantly_mailbox),
    "heyreach": (HEYREACH, seat),
}
LIMITS = {"connection_requests": 25, "messages": 50, "inmails": 15, "profile_views": 100, "follows": 30}
PROBLEMS = {
    *("suspended", "cannot_send", "cannot_receive", "warmup_blocked", "paused", "connection_failed", "bouncing"),
    *("setup_pending", "signed_out", "held", None),
}


def warmup(**changes: Any) -> Row:
    return {"warmup_details": {**SMARTLEAD["warmup_details"], **changes}}


@pytest.mark.parametrize("name", READERS)
def test_one_that_is_well_has_no_problem(name: str) -> None:
    row, read = READERS[name]
    seen = read(row)
    health = {
        "smartlead": Health(None, 95, 7),
        "instantly": Health(None, 95),
        "heyreach": Health(limits=LIMITS),
    }
    assert (seen.active, seen.health) == (True, health[name])
    assert "hunter2" not in repr(seen)


@pytest.mark.parametrize(
    ("name", "changes", "problem", "active"),
    [
        ("smartlead", {"is_suspended": True, "is_smtp_success": False}, "suspended", False),
        ("smartlead", {"is_smtp_success": False, "is_imap_success": False}, "cannot_send", False),
        ("smartlead", {"is_imap_success": False}, "cannot_receive", False),
        ("smartlead", {"is_smtp_success": None, "is_imap_success": None}, None, True),
        ("smartlead", warmup(blocked_reason="too many bounces"), "warmup_blocked", True),
        ("smartlead", warmup(is_warmup_blocked=True), "warmup_blocked", True),
        ("smartlead", warmup(is_warmup_blocked=False), None, True),
        ("smartlead", {"warmup_details": None}, None, True),
        ("instantly", {"status": 2}, "paused", False),
        ("instantly", {"status": "2"}, "paused", False),
        ("instantly", {"status": 3}, None, True),
        ("instantly", {"status": None}, None, True),
        ("instantly", {"status": -1}, "connection_failed", False),
        ("instantly", {"status": -2}, "bouncing", False),
        ("instantly", {"status": -3, "warmup_status": -1}, "cannot_send", False),
        ("instantly", {"status": 17}, None, False),
        ("instantly", {"setup_pending": True, "status": -1}, "setup_pending", False),
        ("instantly", {"warmup_status": 0}, None, True),
        ("instantly", {"warmup_status": -1}, "warmup_blocked", True),
        ("instantly", {"warmup_status": -2}, "warmup_blocked", True),
        ("instantly", {"warmup_status": -3}, "warmup_blocked", True),
        ("heyreach", {"authIsValid": False}, "signed_out", False),
        ("heyreach", {"authIsValid": None, "inMailCooldown": "2026"}, "signed_out", False),
        ("heyreach", {"isActive": False}, None, True),
        ("heyreach", {"connectionRequestCooldown": "2026-04-01T13:00:02Z"}, "held", True),
        ("heyreach", {"connectionNoteCooldown": {}}, "held", True),
        ("heyreach", {"inMailCooldown": 3}, "held", True),
        ("heyreach", {"searchCooldown": 3}, None, True),
    ],
)
def test_what_is_wrong_is_said_in_a_neutral_word(name: str, changes: Row, problem: str | None, active: bool) -> None:
    row, read = READERS[name]
    seen = read({**row, **changes})
    assert (seen.health.problem, seen.active) == (problem, active)
    assert problem in PROBLEMS


@pytest.mark.parametrize(
    ("shown", "score"),
    [
        ("95%", 95), ("99.5 %", 100), (" 7% ", 7), (95, 95), (95.4, 95), ("0%", 0), ("100", 100), ("101%", None),
        ("-1%", None), ("NaN", None), (float("inf"), None), ("", None), (None, None), ("good", None), ([], None),
        ("1e400", None),
    ],
)  # fmt: skip
def test_a_reputation_is_read_in_any_spelling(shown: object, score: int | None) -> None:
    assert smartlead_mailbox({**SMARTLEAD, **warmup(warmup_reputation=shown)}).health.warmup_score == score


@pytest.mark.parametrize(("shown", "score"), [(0, 0), ("95", 95), (95.0, 95), (101, None), (-1, None), (None, None)])
def test_a_score_is_one_of_a_hundred(shown: object, score: int | None) -> None:
    assert instantly_mailbox({**INSTANTLY, "stat_warmup_score": shown}).health.warmup_score == score


def test_limits_that_are_not_given_are_left_out() -> None:
    assert seat({**HEYREACH, "accountLimits": None}).health.limits == {}
    seen = seat({**HEYREACH, "accountLimits": {"messageLimit": "50", "inMailLimit": -1, "followLimit": None}})
    assert (seen.health.limits, seen.daily_limit) == ({"messages": 50}, None)


ODD = st.sampled_from(
    [None, "", " ", "\0", "\ud800", "x" * 3000, "1" * 5000, "NaN", "inf%", "-5%", "1e400", 0, -1, 3, 10**30, 1.5, -0.0,
     float("nan"), float("inf"), True, False, [], [None], {}, {"status": {}}, [{}], "linkedin.com/in/\ud800"]
) | st.text(max_size=20) | st.integers() | st.floats()  # fmt: skip


@st.composite
def changed(draw: st.DrawFn, row: Row, kept: str) -> Row:
    """Return a row with values replaced or missing, but for that by which it is known."""
    found = {kept: row[kept]}
    for name, value in row.items():
        if name == kept or draw(st.booleans()):
            found[name] = value
        elif isinstance(value, dict) and draw(st.booleans()):
            found[name] = {part: draw(ODD) for part in value}
        elif draw(st.booleans()):
            found[name] = draw(ODD)
    return found


@FUZZ
@given(st.data())
@pytest.mark.parametrize("name", READERS)
def test_no_row_does_harm(name: str, data: st.DataObject) -> None:
    row, read = READERS[name]
    seen = read(data.draw(changed(row, "email" if name == "instantly" else "id")))
    assert seen.address
    assert seen.external_id
    assert seen.health.problem in PROBLEMS
    assert seen.health.warmup_score is None or 0 <= seen.health.warmup_score <= 100
    numbers = [seen.health.sent_today, seen.daily_limit, *seen.health.limits.values()]
    assert all(number is None or 0 <= number < 2**31 for number in numbers)
    assert seen.warmup_status in ("active", "inactive", "unknown")
