"""Adding people to a campaign in four steps: lock, judge, add, report.

The database spells addresses and knows who must not be contacted; which row of a list stands for whom is decided here.
"""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api.db.pool import Row, Tx
from api.db.queries import beside

SQL = beside(__file__, "adding.sql")
SAID = ("email", "linkedin_url", "first_name", "last_name", "company_name")
RESULTS = ("added", "duplicate", "suppressed", "invalid")


@dataclass
class Judged:
    """One row of a list. `who` is what the campaign's channel knows the person by, None where the row is invalid;
    `other` is their address on the other channel."""

    row: dict[str, Any]
    who: str | None
    other: str | None
    reason: str | None
    is_suppressed: bool

    @property
    def lead(self) -> dict[str, Any]:
        """The row as the database takes it."""
        said = {name: self.row.get(name) for name in SAID}
        return {"who": self.who, "other": self.other, "custom": self.row.get("custom") or {}, **said}


async def add_rows(tx: Tx, campaign: Row, rows: list[dict[str, Any]]) -> tuple[int, bytes]:
    """Add the rows that `read_rows` gave. Return how many were added, and the answer: counts, and a result per row."""
    company = {"company_id": campaign["company_id"]}
    by_profile = campaign["capability"] == "linkedin_outreach"
    await tx.run(SQL.lock_lists, company)
    judged = await _judge(tx, company, rows, by_profile=by_profile)
    firsts = _firsts(judged)
    known = await _add(tx, company, list(firsts.values()), by_profile=by_profile)
    params = {**company, "campaign_id": campaign["id"], "lead_ids": list(known.values())}
    enrolled = {row["lead_id"] for row in await tx.many(SQL.enrol, params)} if known else set[UUID]()
    return _report(judged, firsts, known, enrolled)


async def _judge(tx: Tx, company: Row, rows: list[dict[str, Any]], *, by_profile: bool) -> list[Judged]:
    spelt = await tx.many(
        SQL.judge,
        {
            **company,
            "emails": [row.get("email") for row in rows],
            "profiles": [row.get("linkedin_url") for row in rows],
        },
    )
    judged: list[Judged] = []
    for row, said in zip(rows, spelt, strict=True):
        who, other = (said["profile"], said["address"]) if by_profile else (said["address"], said["profile"])
        missing = "missing_linkedin_url" if by_profile else "missing_email"
        reason = row["reason"] or (None if who else missing)
        judged.append(Judged(row, None if reason else who, other, reason, said["is_suppressed"]))
    return judged


def _firsts(judged: list[Judged]) -> dict[str, Judged]:
    """Return the row that stands for each person: the first. Of several people with one other address, it is the
    first one's."""
    firsts: dict[str, Judged] = {}
    others: set[str] = set()
    for each in judged:
        if each.who is None or each.is_suppressed or each.who in firsts:
            continue
        if each.other in others:
            each.other = None
        if each.other is not None:
            others.add(each.other)
        firsts[each.who] = each
    return firsts


async def _add(tx: Tx, company: Row, firsts: list[Judged], *, by_profile: bool) -> dict[str, UUID]:
    """Add the people whom the company does not know, complete the others, and return the ids of all."""
    if not firsts:
        return {}
    column = "email" if by_profile else "linkedin_url"
    leads = [each.lead if each.other else {**each.lead, column: None} for each in firsts]
    whos, others = [each.who for each in firsts], [each.other for each in firsts if each.other]
    addresses, profiles = (others, whos) if by_profile else (whos, others)
    params = {**company, "by_profile": by_profile, "addresses": addresses, "profiles": profiles}
    known: dict[str, UUID] = {}
    if others:
        completed = await tx.many(SQL.complete_known, {**params, "leads": json.dumps(leads)})
        known = {row["who"]: row["id"] for row in completed}
    left = [lead for lead in leads if lead["who"] not in known]
    query = SQL.add_by_profile if by_profile else SQL.add_by_email
    added = await tx.many(query, {**company, "leads": json.dumps(left)}) if left else []
    return known | {row["who"]: row["id"] for row in added}


def _report(
    judged: list[Judged], firsts: dict[str, Judged], known: dict[str, UUID], enrolled: set[UUID]
) -> tuple[int, bytes]:
    counts = Counter[str]()
    results: list[dict[str, Any]] = []
    for each in judged:
        lead_id = known.get(each.who) if each.who else None
        result = "invalid" if each.who is None else "suppressed" if each.is_suppressed else "duplicate"
        if each.who is not None and firsts.get(each.who) is each and lead_id in enrolled:
            result = "added"
        counts[result] += 1
        results.append(
            {
                "index": each.row["index"],
                "email": each.row.get("email"),
                "linkedin_url": each.row.get("linkedin_url"),
                "result": result,
                "lead_id": str(lead_id) if lead_id else None,
                "reason": each.reason,
            }
        )
    totals = {"received": len(judged), **{name: counts[name] for name in RESULTS}}
    return counts["added"], json.dumps({"counts": totals, "results": results}, ensure_ascii=False).encode()
