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
    await tx.run(SQL.move_enrolments, params)
    kinds = {row["type"] for row in facts}
    if Fact.AUTO_REPLIED in kinds:
        await tx.run(SQL.rest, params)
    if Fact.REPLIED in kinds:
        await tx.run(SQL.stop_others, params)
        await tx.run(SQL.note_conversations, {**params, "connection_id": connection_id})
