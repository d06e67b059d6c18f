"""What facts bring about: who is gone is listed, enrolments move on, who answered is stopped, who is away rests."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from api.db.pool import Tx
from api.db.queries import beside
from providers.models import Fact

SQL = beside(__file__, "effect_jobs.sql")
SOURCES = {Fact.UNSUBSCRIBED: "unsubscribed", Fact.BOUNCED: "bounced"}  # what puts a person on the company's list

RANKS = {Fact.REPLIED: 2, Fact.BOUNCED: 3, Fact.UNSUBSCRIBED: 4}  # the later ones are never left for the earlier


async def take_effect(tx: Tx, *, company_id: UUID, connection_id: UUID, facts: Sequence[dict[str, Any]]) -> None:
    """Let new facts of a company take effect, in the caller's transaction, which has the do-not-contact locks."""
    params = {"company_id": company_id, "facts": json.dumps(facts, default=str)}
    gone = [
        {"lead_id": row["lead_id"], "source": SOURCES[row["type"]]}
        for row in facts
        if row["type"] in SOURCES and row["lead_id"] is not None and row["counts"]
    ]
    if gone:
        await tx.run(SQL.suppress, {**params, "gone": json.dumps(gone, default=str)})
    await tx.each(SQL.move_enrolment, [{**params, **moved} for moved in _moved(facts)])
    if away := _away(facts):
        await tx.each(SQL.rest, [{**params, **person} for person in away])
    replied = [row for row in facts if row["type"] == Fact.REPLIED]
    if replied:
        replied_in = [row["enrolment_id"] for row in replied if row["enrolment_id"] is not None]
        people = sorted({row["lead_id"] for row in replied})
        await tx.each(SQL.stop_elsewhere, [{**params, "lead_id": lead, "replied_in": replied_in} for lead in people])
        await tx.run(SQL.note_conversations, {**params, "connection_id": connection_id})


def _moved(facts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return for each enrolment that something happened to the last time, and what of it counts most."""
    moved: dict[UUID, dict[str, Any]] = {}
    for row in facts:
        if row["enrolment_id"] is None or not row["counts"]:
            continue
        known = moved.setdefault(row["enrolment_id"], {"occurred_at": row["occurred_at"], "rank": 1})
        known["occurred_at"] = max(known["occurred_at"], row["occurred_at"])
        known["rank"] = max(known["rank"], RANKS.get(row["type"], 1))
    return [{"enrolment_id": key, **moved[key]} for key in sorted(moved)]


def _away(facts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return who said until when they are away; a person's last day counts."""
    until: dict[UUID, str] = {}
    for row in facts:
        if row["type"] == Fact.AUTO_REPLIED and row["data"].get("until"):
            until[row["lead_id"]] = max(until.get(row["lead_id"], ""), row["data"]["until"])
    return [{"lead_id": lead, "until": until[lead]} for lead in sorted(until)]
