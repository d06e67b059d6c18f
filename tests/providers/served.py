"""Three providers that have lists of facts and answer by the page, as long as a test lets them."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx

from providers.contract import FORGETFUL, Access, Progress
from providers.errors import Passing
from providers.models import ProviderEvent
from providers.registry import PROVIDERS
from tests.support.clients import CountingGate

Row = dict[str, Any]
SMALL, MANY_ROWS, BACK = 20, 70, 5
UUID = "0198c1a2-0000-7000-8000-000000000007"
NOW = datetime.now(UTC)
SINCE = NOW - timedelta(hours=9)


def at(minutes: float) -> str:
    """Return a moment so many minutes ago."""
    return (NOW - timedelta(minutes=minutes)).isoformat(timespec="milliseconds")


class Kept:
    """Progress as a database keeps it: in JSON, and each fact under its name."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}
        self.facts: list[ProviderEvent] = []
        self.crashes = False

    def place(self, name: str) -> Any:
        return json.loads(self.places.get(name, "null"))

    async def keep(self, name: str, facts: Sequence[ProviderEvent], place: Any) -> None:
        self.facts += facts
        if self.crashes:
            raise InterruptedError
        self.places[name] = json.dumps(place)

    @property
    def keys(self) -> set[str]:
        return {fact.key for fact in self.facts}


class Served:
    """A provider that has `lists`, and which page was requested how often."""

    key: ClassVar[str]
    campaign: ClassVar[str]
    other: ClassVar[str] = "8"  # another campaign, whose rows alternate with this one's where `shared`
    fronts: ClassVar[tuple[str, ...]] = ()  # lists whose first page is read again
    cursors: ClassVar[tuple[str, ...]] = ()  # lists that go on behind a row, not behind a number of them

    def __init__(self, *, shared: bool = False) -> None:
        self.shared = shared
        self.forgotten = set[str]()  # cursors, of which the first that comes is refused
        self.lists: dict[str, list[Row]] = {
            name: [self.row(name, n) for n in range(MANY_ROWS)] for name in self.names()
        }
        self.how: str | None = None
        self.left = 10_000
        self.tried = set[tuple[str, str]]()
        self.whole = Counter[tuple[str, str]]()
        self.rows = Counter[str]()
        self.latest = ""  # list that was requested

    def names(self) -> Sequence[str]:
        raise NotImplementedError

    def of(self, n: int) -> str:
        """Return the campaign of a row in a list of all campaigns."""
        return self.other if self.shared and n % 2 else self.campaign

    def row(self, name: str, n: int) -> Row:
        """Return a row of a list; those with a lower number come first, and a negative one is new."""
        raise NotImplementedError

    def requested(self, path: str, given: Row) -> tuple[str, str, list[Row], Callable[[list[Row], int], Row]] | Row:
        """Return a list, the place in it, its rows from there on and how a page is answered; or the whole answer."""
        raise NotImplementedError

    def answer(self, request: httpx.Request) -> httpx.Response:
        given = {**dict(request.url.params), **(json.loads(request.content) if request.content else {})}
        if request.url.path.endswith(("/analytics", "/GetOverallStats")):
            return httpx.Response(200, json={})
        if self.forgotten & {given.get("starting_after"), given.get("cursor")}:
            self.forgotten.clear()
            return httpx.Response(400, json={"message": "words"})
        found = self.requested(request.url.path, given)
        if isinstance(found, dict):
            return httpx.Response(200, json=found)
        name, place, rows, shown = found
        self.latest = name
        if (self.how and (name, place) not in self.tried) or not self.left:
            self.tried.add((name, place))
            if self.how == "dropped":
                raise httpx.ReadError("gone")
            if self.how == "broken":
                return httpx.Response(500, json={"message": "words"})
            return httpx.Response(429, json={"message": "words"}, headers={"Retry-After": "7"})
        self.left -= 1
        page = rows[: int(given["limit"])]
        self.whole[name, place] += bool(page)
        self.rows[name] += len(page)
        return httpx.Response(200, json=shown(page, len(rows)))

    def read(self, progress: Progress = FORGETFUL, since: datetime = SINCE) -> list[ProviderEvent]:
        async def run() -> list[ProviderEvent]:
            async with httpx.AsyncClient(transport=httpx.MockTransport(self.answer)) as http:
                access = Access("key", "http://provider.example", 5.0, CountingGate(), http)
                client = PROVIDERS[self.key].connect(access)
                return await client.inbox.read_facts([self.campaign], since, progress=progress)

        return asyncio.run(run())

    def read_until_whole(self, progress: Progress, meanwhile: Callable[[], None] = lambda: None) -> list[Passing]:
        """Read, and go on whenever it was interrupted; `meanwhile` something may happen. Return the interruptions."""
        errors: list[Passing] = []
        while True:
            try:
                self.read(progress)
            except Passing as error:
                errors.append(error)
                assert len(errors) < 60, "it never ends"
                meanwhile()
            else:
                return errors


class Smartlead(Served):
    key, campaign, fronts = "smartlead", "7", ("bounced", "gone")

    def names(self) -> Sequence[str]:
        return ("sent", "bounced", "gone", "replies")

    def row(self, name: str, n: int) -> Row:
        email = f"{name}{n}@x.example"
        if name == "replies":
            return {**talk_by_mail(n, 300 + n), "email_campaign_id": self.of(n)}
        mail = {"stats_id": email, "lead_email": email, "sent_time": at(200 if n >= 0 else 0), "sequence_number": 1}
        return {"lead": {"id": n, "email": email}} if name == "gone" else {**mail, "is_bounced": name == "bounced"}

    def requested(self, path: str, given: Row) -> Any:
        name = {"leads": "gone", "inbox-replies": "replies"}.get(path.rpartition("/")[2])
        name = name or ("bounced" if given.get("email_status") else "sent")
        rows, offset = self.lists[name], int(given["offset"])
        if name == "replies":
            since = given["filters"]["replyTimeBetween"][0]
            rows = sorted((row for row in rows if last(row) >= since), key=last, reverse=True)
        return name, f"{len(rows) < MANY_ROWS}:{offset}", rows[offset:], lambda page, _: {"data": page}


def talk_by_mail(n: int, *ago: float) -> Row:
    """Return a conversation in which a person wrote so many minutes ago."""
    history = [{"type": "REPLY", "message_id": f"<r{n}.{m}>", "time": at(m), "email_body": "Yes"} for m in ago]
    return {"email_campaign_id": 7, "lead_email": f"p{n}@x.example", "email_lead_id": n, "email_history": history}


def last(row: Row) -> str:
    return max(message["time"] for message in row["email_history"])


class Instantly(Served):
    key, campaign, fronts = "instantly", UUID, ("unsubscribed", "bounced")
    other = UUID[:-1] + "8"
    cursors = ("mails", "unsubscribed", "bounced")

    def names(self) -> Sequence[str]:
        return self.cursors

    def row(self, name: str, n: int) -> Row:
        # The lists rise: of mails the new come last, people come anywhere.
        place = n + MANY_ROWS * 2 if name == "mails" and n < 0 else n
        row: Row = {"id": f"{place + 500:04}", "email": f"{name}{n}@x.example", "campaign": UUID}
        if name != "mails":
            return {**row, "status": {"unsubscribed": -2, "bounced": -1}[name]}
        return {
            **row,
            "campaign_id": self.of(n),
            "lead": row["email"],
            "ue_type": 1,
            "step": "0_0_0",
            "timestamp_email": at(9),
        }

    def requested(self, path: str, given: Row) -> Any:
        mails = path.endswith("/emails")
        name = "mails" if mails else {"FILTER_VAL_UNSUBSCRIBED": "unsubscribed"}.get(given["filter"], "bounced")
        after = given.get("starting_after", "")
        rows = sorted((row for row in self.lists[name] if row["id"] > after), key=lambda row: row["id"])
        return (
            name,
            after,
            rows,
            lambda page, _: {"items": page, "next_starting_after": page[-1]["id"] if page else None},
        )


class HeyReach(Served):
    key, campaign, cursors = "heyreach", "7", ("conversations",)

    def names(self) -> Sequence[str]:
        return ("members", "conversations")

    def row(self, name: str, n: int) -> Row:
        if name == "conversations":
            return talk(n, 300 + n)
        person = {"profileUrl": f"https://www.linkedin.com/in/{name}{n}"}
        return {"linkedInUserProfile": person, "leadConnectionStatus": "ConnectionSent", "lastActionTime": at(200)}

    def requested(self, path: str, given: Row) -> Any:
        if path.endswith("GetById"):
            return {"campaignAccountIds": [1]}
        if path.endswith("GetCampaignsForLead"):
            return {
                "items": [{"campaignId": int(self.of(int(given["profileUrl"].rpartition("p")[2])))}],
                "totalCount": 1,
            }
        if path.endswith("GetLeadsFromCampaign"):
            rows, offset = self.lists["members"], given["offset"]
            return "members", str(offset), rows[offset:], lambda page, _: {"items": page, "totalCount": len(rows)}
        first, until, cursor = given["from"], given["to"], given.get("cursor") or "9"
        found = [row for row in self.lists["conversations"] if first[:23] <= spoken(row)[:23] <= until[:23]]
        rows = sorted((row for row in found if spoken(row) < cursor), key=spoken, reverse=True)
        return "conversations", f"{first}:{cursor}", rows, lambda page, rest: {
            "items": page, "nextCursor": spoken(page[-1]) if rest > SMALL else None, "hasNextPage": rest > SMALL,
        }  # fmt: skip


def talk(n: int, *ago: float) -> Row:
    """Return a conversation in which a person wrote so many minutes ago."""
    said = [{"createdAt": at(m), "body": "Yes", "sender": "CORRESPONDENT"} for m in ago]
    person = {"profileUrl": f"https://www.linkedin.com/in/p{n}"}
    return {"id": f"c{n}", "linkedInAccountId": 1, "correspondentProfile": person, "messages": said}


def spoken(row: Row) -> str:
    return max(message["createdAt"] for message in row["messages"])


TALKS = {"replies": talk_by_mail, "conversations": talk}
SERVED = (Smartlead, Instantly, HeyReach)
