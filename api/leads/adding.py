"""Adding people to a campaign in four steps: lock, judge, add, report.

Addresses and profiles are folded here (`providers/identity.py`), and which row of a list stands for whom is decided
here; the database knows who must not be contacted.
"""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api.db.pool import Row, Tx
from api.db.queries import beside
from providers.identity import domain_of, email_key, profile_key

SQL = beside(__file__, "adding.sql")
SAID = ("email", "linkedin_url", "first_name", "last_name", "company_name")
RESULTS = ("added", "duplicate", "suppressed", "skipped", "invalid")


@dataclass
class Judged:
    """One row of a list. `who` is the key that the campaign's channel knows the person by, None where the row is
    invalid; `other` is their key on the other channel; `skipped` is why the campaign's settings leave them out."""

    row: dict[str, Any]
    who: str | None
    other: str | None
    reason: str | None
    is_suppressed: bool = False
    skipped: str | None = None

    def lead(self, *, by_profile: bool) -> dict[str, Any]:
        """Return the row as the database takes it; without an address of the other channel that is somebody else's."""
        email_key, linkedin_key = (self.other, self.who) if by_profile else (self.who, self.other)
        said = {name: self.row.get(name) for name in SAID}
        return {
            **said,
            "custom": self.row.get("custom") or {},
            "email": said["email"] if email_key else None,
            "email_key": email_key,
            "domain_key": domain_of(email_key) if email_key else None,
            "linkedin_url": said["linkedin_url"] if linkedin_key else None,
            "linkedin_key": linkedin_key,
        }


async def add_rows(tx: Tx, campaign: Row, rows: list[dict[str, Any]]) -> tuple[int, bytes]:
    """Add the rows that `read_rows` gave. Return how many were added, and the answer: counts, and a result per row."""
    company = {"company_id": campaign["company_id"]}
    by_profile = campaign["capability"] == "linkedin_outreach"
    await tx.run(SQL.lock_lists, company)
    judged = await _judge(tx, company, rows, by_profile=by_profile)
    firsts = _firsts(judged)
    known = await _add(tx, company, list(firsts.values()), by_profile=by_profile)
    left_out = await _left_out(tx, campaign, list(known.values()))
    wanted = [lead for lead in known.values() if lead not in left_out]
    params = {**company, "campaign_id": campaign["id"], "lead_ids": wanted}
    enrolled = {row["lead_id"] for row in await tx.many(SQL.enrol, params)} if wanted else set[UUID]()
    for each in firsts.values():
        each.skipped = left_out.get(known.get(each.who or "") or campaign["id"])
    return _report(judged, firsts, known, enrolled)


async def _left_out(tx: Tx, campaign: Row, lead_ids: list[UUID]) -> dict[UUID, str]:
    """Return who is not to be added by the campaign's settings, and why."""
    if not lead_ids or not (campaign["rest_days"] or campaign["skip_if_in_other_campaign"]):
        return {}
    params = {**campaign, "campaign_id": campaign["id"], "lead_ids": lead_ids}
    return {row["lead_id"]: row["reason"] for row in await tx.many(SQL.left_out, params)}


async def _judge(tx: Tx, company: Row, rows: list[dict[str, Any]], *, by_profile: bool) -> list[Judged]:
    judged: list[Judged] = []
    missing = "missing_linkedin_url" if by_profile else "missing_email"
    for row in rows:
        email, profile = email_key(row.get("email")), profile_key(row.get("linkedin_url"))
        who, other = (profile, email) if by_profile else (email, profile)
        reason = row["reason"] or (None if who else missing)
        judged.append(Judged(row, None if reason else who, other, reason))
    keys = {key for each in judged for key in (each.who, each.other) if key}
    suppressed = (
        {row["key"] for row in await tx.many(SQL.suppressed, {**company, "keys": list(keys)})} if keys else set[str]()
    )
    for each in judged:
        each.is_suppressed = each.who in suppressed or each.other in suppressed
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
    leads = [each.lead(by_profile=by_profile) for each in firsts]
    whos, others = [each.who for each in firsts], [each.other for each in firsts if each.other]
    addresses, profiles = (others, whos) if by_profile else (whos, others)
    params = {**company, "by_profile": by_profile, "addresses": addresses, "profiles": profiles}
    known: dict[str, UUID] = {}
    if others:
        completed = await tx.many(SQL.complete_known, {**params, "leads": json.dumps(leads)})
        known = {row["who"]: row["id"] for row in completed}
    left = [lead for each, lead in zip(firsts, leads, strict=True) if each.who not in known]
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
        if each.who is not None and firsts.get(each.who) is each:
            result = "added" if lead_id in enrolled else "skipped" if each.skipped else result
        counts[result] += 1
        results.append(
            {
                "index": each.row["index"],
                "email": each.row.get("email"),
                "linkedin_url": each.row.get("linkedin_url"),
                "result": result,
                "lead_id": str(lead_id) if lead_id else None,
                "reason": each.reason or (each.skipped if result == "skipped" else None),
            }
        )
    totals = {"received": len(judged), **{name: counts[name] for name in RESULTS}}
    return counts["added"], json.dumps({"counts": totals, "results": results}, ensure_ascii=False).encode()
