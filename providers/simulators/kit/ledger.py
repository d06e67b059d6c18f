"""The ledger of side effects: one line per lead per ask to add leads, whatever became of the ask."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from providers.simulators.kit.store import Store

_CHUNK = 2000


def write(store: Store, campaign: int | str, effects: Iterable[tuple[str, str]], *, answered: bool, at: str) -> None:
    """Note what an ask did to each of its leads: added, already, refused or none."""
    store.many(
        "insert into ledger (at, campaign, email, effect, answered) values (?, ?, ?, ?, ?)",
        [(at, campaign, email, effect, answered) for email, effect in effects],
    )


def lines(store: Store, campaign: int | str | None, since: str | None) -> Iterator[str]:
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


def count(store: Store, campaign: int | str | None) -> int:
    """Return how many lines the ledger has, of one campaign or of all."""
    return int(store.value("select count(*) from ledger where ? is null or campaign = ?", campaign, campaign))


@dataclass(frozen=True)
class AddRequest:
    """What a request to add leads named: the campaign, and the leads."""

    campaign: int | str
    leads: list[str]


Adding = Callable[[str, str, bytes], AddRequest | None]
"""Reads method, path and body of a request; None for one that asks for no leads to be added."""


def write_without_effect(store: Store, adding: AddRequest | None, *, answered: bool) -> None:
    """Note a request to add leads that changed nothing; requests of any other kind are left out."""
    if adding is not None and adding.leads:
        effects = [(lead, "none") for lead in adding.leads]
        with store.transaction():
            write(store, adding.campaign, effects, answered=answered, at=store.clock.stamp())
