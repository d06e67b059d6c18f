"""Reading facts goes on where it ended: an interrupted poll of a long list begins no list anew, and misses nothing of
one that changes meanwhile."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from providers.errors import Passing
from providers.models import Fact, ProviderEvent
from providers.smartlead.inbox import ROWS, SmartleadInbox
from tests.providers.served import BACK, MANY_ROWS, NOW, SERVED, SMALL, TALKS, Kept, Row, Served

CAMPAIGN = "7"
MANY = 3 * ROWS + 20
HOWS = ("held off", "dropped", "broken")
GARBAGE = [
    None, 5, "x", True, [], {}, {"offset": 3}, [None], ["x"], [[], []], [3, 4], [{}, "x", 5], [-4, "x"],
    ["x", 5, None], [1, 2, 3, 4], [None, None, None],
]  # fmt: skip


class Notes:
    """Progress that a test looks at."""

    def __init__(self) -> None:
        self.places: dict[str, Any] = {}
        self.facts: list[ProviderEvent] = []

    def place(self, name: str) -> Any:
        return self.places.get(name)

    async def keep(self, name: str, facts: Sequence[ProviderEvent], place: Any) -> None:
        self.facts += facts
        self.places[name] = place


class SpentError(Exception):
    """No request is left."""


class Account:
    """A provider's answers, and how many of them it may still give."""

    def __init__(self, sent: int, bounced: int) -> None:
        moment = datetime.now(UTC).isoformat()
        mails = [
            {"stats_id": f"s{n}", "lead_email": f"p{n}@x.example", "sent_time": moment, "sequence_number": 1}
            for n in range(sent)
        ]
        self.lists = {
            "sent": mails,
            "bounced": [{**row, "is_bounced": True} for row in mails[:bounced]],
            "gone": [],
        }
        self.left = 1000
        self.requests: list[tuple[str, int]] = []

    async def get(self, path: str, *, params: dict[str, Any], spacing: float = 0.0) -> Any:
        name = "gone" if path.endswith("/leads") else "bounced" if params.get("email_status") else "sent"
        return self._answer(name, params["offset"], params["limit"])

    async def send(self, method: str, path: str, *, body: dict[str, Any], **_: Any) -> Any:
        return self._answer("replies", body["offset"], body["limit"])

    def _answer(self, name: str, offset: int, limit: int) -> Any:
        if not self.left:
            raise SpentError()
        self.left -= 1
        self.requests.append((name, offset))
        rows = self.lists.get(name, [])[offset : offset + limit]
        return type("Answer", (), {"body": {"data": rows}, "status": 200})


def inbox(account: Account) -> SmartleadInbox:
    from providers.contract import Access  # noqa: PLC0415
    from providers.smartlead.calls import Calls  # noqa: PLC0415

    calls = Calls(Access("key", "http://127.0.0.1", 1.0, None, None))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    calls.http = account  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    return SmartleadInbox(calls, None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@pytest.mark.anyio
@pytest.mark.parametrize("at_once", [2, 3, 5])
async def test_a_list_longer_than_the_budget_is_read_in_parts(at_once: int) -> None:
    account, notes = Account(sent=MANY, bounced=2 * ROWS + 5), Notes()
    since = datetime.now(UTC) - timedelta(hours=1)
    turns = 0
    while True:
        account.left = at_once
        turns += 1
        try:
            await inbox(account).read_facts([CAMPAIGN], since, progress=notes)
            break
        except SpentError:
            assert turns < 20, "it never ends"
    keys = {fact.key for fact in notes.facts if fact.fact is Fact.SENT}
    assert len(keys) == MANY
    assert len({fact.key for fact in notes.facts if fact.fact is Fact.BOUNCED}) == 2 * ROWS + 5
    assert notes.places[f"{CAMPAIGN}:sent"][0] is None, "whole, as far as this time needs it"


@pytest.mark.anyio
async def test_of_a_list_of_all_that_ever_was_only_the_ends_are_read() -> None:
    account, notes = Account(sent=0, bounced=0), Notes()
    account.lists["bounced"] = Account(sent=5 * ROWS, bounced=5 * ROWS - 10).lists["bounced"]
    since = datetime.now(UTC) - timedelta(hours=1)
    await inbox(account).read_facts([CAMPAIGN], since, progress=notes)
    account.requests.clear()
    since += timedelta(minutes=15)
    await inbox(account).read_facts([CAMPAIGN], since, progress=notes)
    assert [offset for name, offset in account.requests if name == "bounced"][:1] == [0]
    assert len([name for name, _ in account.requests if name == "bounced"]) <= 3
    notes.places[f"{CAMPAIGN}:bounced"][1] = "2026-01-01"
    account.requests.clear()
    await inbox(account).read_facts([CAMPAIGN], since, progress=notes)
    assert len([name for name, _ in account.requests if name == "bounced"]) == 5, "once a day all of it"


@pytest.fixture(params=SERVED, ids=lambda kind: kind.key)
def it(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Served:
    """A provider with lists of several small pages."""
    for module in ("calls", "inbox"):
        for name in ("PAGE", "REPLIES", "ROWS"):
            monkeypatch.setattr(f"providers.{request.param.key}.{module}.{name}", SMALL, raising=False)
    return request.param()


def keys(facts: Sequence[ProviderEvent]) -> set[str]:
    return {fact.key for fact in facts}


@pytest.mark.parametrize("how", HOWS)
def test_what_fails_at_every_page_misses_no_fact_and_repeats_no_page(it: Served, how: str) -> None:
    expected, notes = keys(it.read()), Kept()
    assert len(expected) == MANY_ROWS * len(it.lists)
    it.whole.clear()
    it.rows.clear()
    it.how = how
    errors = it.read_until_whole(notes)
    assert len(errors) == len(it.tried) >= 4 * len(it.lists)
    assert {(error.status, error.retry_after) for error in errors} == {
        {"held off": (429, 7.0), "dropped": (None, None), "broken": (500, None)}[how]
    }
    assert notes.keys == expected
    again = {page for page, count in it.whole.items() if count > 1}
    assert {name for name, _ in again} == set(it.fronts)
    assert len(again) == len(it.fronts), "their first pages"
    for name in set(it.lists) - set(it.fronts):
        assert it.rows[name] <= MANY_ROWS + (0 if name in it.cursors else BACK * len(errors))
    assert all(count == MANY_ROWS for name, count in it.rows.items() if name in it.cursors and name not in it.fronts)
    it.rows.clear()
    it.read(notes)
    assert it.rows == {}, "whole, as far as this time needs it"


def test_what_was_written_down_stays_where_the_place_is_lost(it: Served) -> None:
    expected, notes = keys(it.read()), Kept()
    for number in range(3):
        notes.crashes = True
        with pytest.raises(InterruptedError):
            it.read(notes)
        assert len(notes.keys) >= SMALL, number
        notes.crashes = False
        it.left = 1
        with pytest.raises(Passing):
            it.read(notes)
        it.left = 10_000
    it.read(notes)
    assert notes.keys == expected


def change(it: Served, *, gone: bool) -> None:
    """Let something happen to the list that is being read: what came first goes away, or something new comes first."""
    rows, new = it.lists[it.latest], -len(it.tried)
    if gone:
        rows.pop(0)
    elif it.latest in TALKS:
        rows.append(TALKS[it.latest](new, ago()))
    else:
        rows.insert(0, it.row(it.latest, new))


def ago() -> float:
    """Return how many minutes ago this moment is, which no other is."""
    time.sleep(0.002)
    return (NOW - datetime.now(UTC)).total_seconds() / 60


@pytest.mark.parametrize("gone", [False, True], ids=["new", "gone"])
def test_a_list_that_changes_while_it_is_left_loses_nothing(it: Served, gone: bool) -> None:
    notes, began, before = Kept(), datetime.now(UTC), keys(it.read())
    it.how = "held off"
    it.read_until_whole(notes, lambda: change(it, gone=gone))
    it.how = None
    assert sum(map(len, it.lists.values())) != MANY_ROWS * len(it.lists)
    assert notes.keys >= keys(it.read()) & before
    it.read(notes, since=began)
    assert notes.keys >= keys(it.read())


def test_who_writes_again_while_the_list_is_left_loses_no_reply(it: Served) -> None:
    """Of mails each is listed; of conversations, each as of its latest message."""
    notes, began, name = Kept(), datetime.now(UTC), {"smartlead": "replies", "heyreach": "conversations"}.get(it.key)
    it.how = "held off"

    def write_again() -> None:
        if it.latest == name and it.rows[name] and MANY_ROWS not in written:
            written[MANY_ROWS] = it.lists[name][-1] = TALKS[name](MANY_ROWS, 400, ago())

    written: dict[int, Row] = {}
    it.read_until_whole(notes, write_again)
    it.how = None
    assert len(written) == (name is not None)
    it.read(notes, since=began)
    assert notes.keys >= keys(it.read())


def test_a_place_of_another_form_is_passed_over(it: Served) -> None:
    expected, whole = keys(it.read()), Kept()
    it.read(whole)
    for garbage in GARBAGE:
        notes = Kept()
        notes.places = dict.fromkeys(whole.places, json.dumps(garbage))
        it.read(notes)
        assert notes.keys == expected, garbage
        assert {name: notes.place(name)[:1] for name in notes.places} == {
            name: whole.place(name)[:1] for name in whole.places
        }


def test_a_place_of_which_a_part_is_of_another_form_is_passed_over(it: Served) -> None:
    expected, places = keys(it.read()), dict[str, str]()
    for left in range(4 * len(it.lists)):
        it.left, half = left, Kept()
        with pytest.raises(Passing):
            it.read(half)
        places |= {name: kept for name, kept in half.places.items() if half.place(name)[0] is not None}
    it.left = 10_000
    assert len(places) == len(it.lists)
    for name, kept in places.items():
        for number, part in enumerate(json.loads(kept)):
            for other in ({}, 1.5, -1, [part]):
                notes = Kept()
                notes.places[name] = json.dumps([*json.loads(kept)[:number], other, *json.loads(kept)[number + 1 :]])
                it.read(notes)
                assert notes.keys == expected, notes.places
