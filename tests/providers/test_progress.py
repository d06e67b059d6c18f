"""Reading facts goes on where it ended: an interrupted poll of a long list begins no list anew."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from providers.models import Fact, ProviderEvent
from providers.smartlead.inbox import ROWS, SmartleadInbox

CAMPAIGN = "7"
MANY = 3 * ROWS + 20


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
