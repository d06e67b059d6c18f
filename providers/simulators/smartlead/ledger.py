"""The ledger of side effects: one line per lead per ask to add leads, whatever became of the ask."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

from providers.simulators.smartlead.state import Object, Store

_ASK = re.compile(r"/api/v1/campaigns/(\d+)/leads/?")
_CHUNK = 2000


def write(store: Store, campaign: int, effects: Iterable[tuple[str, str]], *, answered: bool, at: str) -> None:
    """Note what an ask did to each of its leads."""
    store.many(
        "insert into ledger (at, campaign, email, effect, answered) values (?, ?, ?, ?, ?)",
        [(at, campaign, email, effect, answered) for email, effect in effects],
    )


def write_without_effect(store: Store, method: str, path: str, body: bytes, *, answered: bool, at: str) -> None:
    """Note an ask that changed nothing; requests of any other kind are left out."""
    match = _ASK.fullmatch(path)
    if method != "POST" or match is None:
        return
    emails = [(email, "none") for email in _emails(body)]
    if emails:
        with store.transaction():
            write(store, int(match[1]), emails, answered=answered, at=at)


def _emails(body: bytes) -> Iterator[str]:
    try:
        asked: Any = json.loads(body)
    except ValueError:
        return
    leads: Any = cast("Object", asked).get("lead_list") if isinstance(asked, dict) else None
    for lead in cast("list[Any]", leads) if isinstance(leads, list) else []:
        email: Any = cast("Object", lead).get("email") if isinstance(lead, dict) else None
        if isinstance(email, str):
            yield email.strip().lower()


def lines(store: Store, campaign: int | None, since: str | None) -> Iterator[str]:
    """Return the ledger as JSON texts, oldest first, as it stands now."""
    last, end = 0, store.value("select max(id) from ledger") or 0
    while True:
        rows = store.all(
            "select * from ledger where id > ? and id <= ? and (? is null or campaign = ?)"
            " and (? is null or at >= ?) order by id limit ?",
            last,
            end,
            campaign,
            campaign,
            since,
            since,
            _CHUNK,
        )
        if not rows:
            return
        for row in rows:
            line = {key: row[key] for key in ("at", "campaign", "email", "effect")}
            yield json.dumps({**line, "answered": bool(row["answered"])})
        last = rows[-1]["id"]
