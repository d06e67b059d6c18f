"""What the senders did, day by day; rates are 32-bit fractions."""

import json
import struct
from collections.abc import Iterable
from pathlib import Path

from starlette.responses import Response

from providers.simulators.heyreach.common import times
from providers.simulators.heyreach.requests import Call, Routes, answer
from providers.simulators.heyreach.validation import Fields, Required, array, moment, whole
from providers.simulators.kit.store import Object, Row

routes = Routes()

_SQL = Path(__file__).with_name("statistics.sql").read_text(encoding="utf-8")
_USUAL_DAYS = 21
BODY: Fields = {
    "accountIds": Required(array(whole("System.Int32"))),
    "campaignIds": Required(array(whole())),
    "startDate": moment,
    "endDate": moment,
}
_COUNTS = (
    "profileViews",
    "postLikes",
    "follows",
    "messagesSent",
    "totalMessageStarted",
    "totalMessageReplies",
    "inmailMessagesSent",
    "totalInmailStarted",
    "totalInmailReplies",
    "connectionsSent",
    "connectionsAccepted",
)
_RATES = {
    "messageReplyRate": ("totalMessageReplies", "totalMessageStarted"),
    "inMailReplyRate": ("totalInmailReplies", "totalInmailStarted"),
    "connectionAcceptanceRate": ("connectionsAccepted", "connectionsSent"),
}


def single(value: float) -> float | int:
    """Return a number as a 32-bit float is spelled: the shortest text that reads back as the same one."""
    kept = struct.pack("f", value)
    texts = (f"{struct.unpack('f', kept)[0]:.{digits}g}" for digits in range(1, 10))
    found = float(next(text for text in texts if struct.pack("f", float(text)) == kept))
    return int(found) if found == int(found) else found


def figures(rows: Iterable[Row]) -> Object:
    """Return the counts and rates of some rows."""
    counts: Object = dict.fromkeys(_COUNTS, 0)
    people: set[int] = set()
    for row in rows:
        if row["kind"] in counts:
            counts[row["kind"]] += 1
        people.add(row["profile_id"])
    rates = {name: single(counts[top] / counts[under]) if counts[under] else 0 for name, (top, under) in _RATES.items()}
    tagged = {"autoTaggedInterested": 0, "totalAutoTagged": 0, "autoTaggedInterestedRate": 0}
    return {**counts, **rates, "uniqueLeadsContacted": len(people), **tagged}


def rows_of(call: Call) -> list[Row]:
    """Return what the senders did that the body asks for."""
    body = call.body
    values = {
        "workspace": call.workspace.id,
        "accounts": body["accountIds"],
        "campaigns": body["campaignIds"],
        "first": body["startDate"] or times.later(call.now, -_USUAL_DAYS * 86_400),
        "last": body["endDate"] or call.now,
    }
    return call.store.all(_SQL, json.dumps(values))


def by_day(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return rows by their day."""
    days: dict[str, list[Row]] = {}
    for row in rows:
        days.setdefault(f"{row['at'][:10]}T00:00:00Z", []).append(row)
    return days


@routes.on("POST", "/stats/GetOverallStats", body=BODY)
def overall(call: Call) -> Response:
    """Return the figures of each day and of the whole time."""
    rows = rows_of(call)
    days = {day: figures(part) for day, part in by_day(rows).items()}
    return answer({"byDayStats": days, "overallStats": figures(rows)})
