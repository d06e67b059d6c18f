"""The doors open for a right ticket and for nothing else: cut, re-aimed, stale, of another kind or of another tier."""

import time
from collections.abc import Iterator, Mapping

from api.db.ticket import TICKET_SECONDS, Tickets
from api.ops.isolation.actors import DOOR, DOOR_OF, KIND_OF, SETTINGS, worn
from api.ops.isolation.attackers import Arena
from api.ops.isolation.attempts import Outcome, attempt
from api.ops.isolation.catalog import Connection
from api.ops.isolation.report import Section
from api.ops.isolation.statements import bare

REFUSED = ("28000", "22P02")


class Stale:
    """Tickets that were right when they were made, kept until they are not."""

    def __init__(self, tickets: Tickets, subjects: Mapping[str, str]) -> None:
        self.made = time.monotonic()
        self.tickets = {tier: tickets.sign(KIND_OF[tier], subject) for tier, subject in subjects.items()}

    def wait(self) -> None:
        """Wait until they have expired."""
        time.sleep(max(0.0, TICKET_SECONDS + 0.2 - (time.monotonic() - self.made)))


def knock(conn: Connection, tier: str, ticket: str | None) -> Outcome:
    """Show a ticket at the door of a login role; the context is undone with the attempt."""
    return attempt(conn, bare(DOOR_OF.get(tier, DOOR), ticket))


def probe_doors(arena: Arena, section: Section, stale: Stale) -> None:
    """Try every wrong ticket at every door, and the right one beside it."""
    stale.wait()
    own = arena.cast.own
    for tier in KIND_OF:
        if not arena.can_open(tier, own):
            section.not_run.append(f"the door of {tier}: no credential was given")
            continue
        conn = arena.of(tier)
        for what, ticket in _wrong(arena, tier, stale):
            outcome = knock(conn, tier, ticket)
            section.count("doors", "probes")
            if outcome.sqlstate not in REFUSED:
                section.fail("doors", f"{what}, {tier}: {outcome.text()}")
        _right(arena, conn, tier, section)


def _right(arena: Arena, conn: Connection, tier: str, section: Section) -> None:
    """A right ticket opens once, and a second one is refused while the first context is open."""
    with arena.place.acting(conn, tier, arena.cast.own):
        section.count("doors", "positives")
        if worn(conn)["app.org_id"] != str(arena.cast.own.org_id):
            section.fail("doors", f"a right ticket opened somebody else's context, {tier}", "failed positives")
        for tenant in (arena.cast.own, arena.cast.foreign):
            if arena.can_open(tier, tenant):
                again = arena.place.tickets.sign(KIND_OF[tier], tenant.subjects[tier])
                section.count("doors", "probes")
                if knock(conn, tier, again).sqlstate != "55000":
                    section.fail("doors", f"a second context was opened over the first, {tier}")
    with conn.transaction(force_rollback=True):
        section.count("doors", "probes")
        if any(worn(conn)[name] for name in SETTINGS):
            section.fail("doors", f"a context outlived its transaction, {tier}")


def _wrong(arena: Arena, tier: str, stale: Stale) -> Iterator[tuple[str, str | None]]:
    tickets, own, kind = arena.place.tickets, arena.cast.own, KIND_OF[tier]
    right = tickets.sign(kind, own.subjects[tier])
    yield "no ticket", None
    yield "an empty ticket", ""
    yield "cut short", right[:-1]
    yield "a part too many", right + ":"
    yield "without a signature", _with(right, 6, "")
    yield "a signature of zeros", _with(right, 6, "0" * 64)
    yield "a later expiry", _with(right, 4, "9" * 13)
    yield "another version", _with(right, 0, "v2")
    yield "an unknown key", _with(right, 2, "nokey")
    yield "the context's key", _with(right, 2, "c1")
    yield "another kind, signed", tickets.sign("other", own.subjects[tier])
    yield "a subject that is none", tickets.sign(kind, "0" * 64)
    if tier in stale.tickets:
        yield "an expired ticket", stale.tickets[tier]
    if arena.can_open(tier, arena.cast.foreign):
        yield "another tenant's subject", _with(right, 3, arena.cast.foreign.subjects[tier])
    for other, subject in own.subjects.items():
        if other != tier:
            yield f"the credential of {other}", tickets.sign(kind, subject)
            yield f"a ticket of {other}", tickets.sign(KIND_OF[other], subject)


def _with(ticket: str, part: int, text: str) -> str:
    parts = ticket.split(":")
    parts[part] = text
    return ":".join(parts)
