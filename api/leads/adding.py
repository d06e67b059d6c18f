"""Adding people to a campaign in four steps: lock, judge, add, report.

Addresses and profiles are folded here (`providers/identity.py`), and which row of a list stands for whom is decided
here; the database knows who must not be contacted.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api.db.lists import Added
from api.db.pool import Row, Tx
from api.db.queries import beside
from api.db.seen import Seen
from api.leads.reading import LeadRow
from api.leads.searching import search_keys
from providers.identity import domain_of, email_key, profile_key

SQL = beside(__file__, "adding.sql")
RESULTS = ("added", "duplicate", "suppressed", "skipped", "invalid")


@dataclass
class Judged:
    """One row of a list. `who` is the key that the campaign's channel knows the person by, None where the row is
    invalid; `other` is their key on the other channel; `skipped` is why the campaign's settings leave them out."""

    row: LeadRow
    who: str | None
    other: str | None
    reason: str | None
    is_suppressed: bool = False
    skipped: str | None = None

    def lead(self, *, by_profile: bool) -> dict[str, Any]:
        """Return the row as the database takes it; without an address of the other channel that is somebody else's."""
        email_key, linkedin_key = (self.other, self.who) if by_profile else (self.who, self.other)
        lead = self.row.lead
        return {
            "first_name": lead.first_name,
            "last_name": lead.last_name,
            "company_name": lead.company_name,
            **search_keys(lead.first_name, lead.last_name, lead.company_name),
            "custom": lead.custom,
            "source": lead.source,
            "source_at": lead.source_at.isoformat() if lead.source_at else None,
            "email": lead.email if email_key else None,
            "email_key": email_key,
            "domain_key": domain_of(email_key) if email_key else None,
            "linkedin_url": lead.linkedin_url if linkedin_key else None,
            "linkedin_key": linkedin_key,
        }


@dataclass(frozen=True)
class Known:
    """A person of the company, and their key on the other channel, whoever said it."""

    id: UUID
    other: str | None


async def add_rows(tx: Tx, campaign: Row, rows: Sequence[LeadRow], seen: Seen | None = None) -> Added:
    """Add the people of a list, or of a part of a list of which other people have been `seen` before."""
    company = {"company_id": campaign["company_id"]}
    by_profile = campaign["capability"] == "linkedin_outreach"
    await tx.run(SQL.lock_lists, company)
    judged = await _judge(tx, company, rows, by_profile=by_profile)
    before = {each.who for each in judged if each.who and each.who in seen} if seen else set[str]()
    firsts = _firsts([each for each in judged if each.who not in before], by_profile=by_profile)
    known = await _add(tx, company, list(firsts.values()), by_profile=by_profile)
    left_out = await _left_out(tx, campaign, [person.id for person in known.values()])
    wanted = [person.id for person in known.values() if person.id not in left_out]
    params = {**company, "campaign_id": campaign["id"], "lead_ids": wanted}
    enrolled = {row["lead_id"] for row in await tx.many(SQL.enrol, params)} if wanted else set[UUID]()
    for who, each in firsts.items():
        if who in known:
            each.skipped = left_out.get(known[who].id)
            if each.other and each.other != known[who].other:
                each.row.notes.append(_not_taken(by_profile=by_profile))
    if before:
        found = await tx.many(SQL.find_people, {**company, "by_profile": by_profile, "keys": list(before)})
        known |= {row["who"]: Known(row["id"], None) for row in found}
    counts, results = _report(judged, firsts, known, enrolled)
    return Added(counts, results, firsts.keys())


async def _left_out(tx: Tx, campaign: Row, lead_ids: list[UUID]) -> dict[UUID, str]:
    """Return who is not to be added by the campaign's settings, and why."""
    if not lead_ids or not (campaign["rest_days"] or campaign["skip_if_in_other_campaign"]):
        return {}
    params = {**campaign, "campaign_id": campaign["id"], "lead_ids": lead_ids}
    return {row["lead_id"]: row["reason"] for row in await tx.many(SQL.left_out, params)}


async def _judge(tx: Tx, company: Row, rows: Sequence[LeadRow], *, by_profile: bool) -> list[Judged]:
    judged: list[Judged] = []
    for row in rows:
        email, profile = email_key(row.lead.email), profile_key(row.lead.linkedin_url)
        who, other = (profile, email) if by_profile else (email, profile)
        reason = row.reason or (None if who else row.missing("linkedin_url" if by_profile else "email"))
        judged.append(Judged(row, None if reason else who, other, reason))
    keys = {key for each in judged for key in (each.who, each.other) if key}
    suppressed = (
        {row["key"] for row in await tx.many(SQL.suppressed, {**company, "keys": list(keys)})} if keys else set[str]()
    )
    for each in judged:
        each.is_suppressed = each.who in suppressed or each.other in suppressed
    return judged


def _firsts(judged: list[Judged], *, by_profile: bool) -> dict[str, Judged]:
    """Return the row that stands for each person: the first. Of several people with one other address, it is the
    first one's."""
    firsts: dict[str, Judged] = {}
    others: set[str] = set()
    for each in judged:
        if each.who is None or each.is_suppressed or each.who in firsts:
            continue
        if each.other in others:
            each.other = None
            each.row.notes.append(_not_taken(by_profile=by_profile))
        if each.other is not None:
            others.add(each.other)
        firsts[each.who] = each
    return firsts


async def _add(tx: Tx, company: Row, firsts: list[Judged], *, by_profile: bool) -> dict[str, Known]:
    """Add the people whom the company does not know, complete the others, and return all."""
    if not firsts:
        return {}
    leads = [each.lead(by_profile=by_profile) for each in firsts]
    whos, others = [each.who for each in firsts], [each.other for each in firsts if each.other]
    addresses, profiles = (others, whos) if by_profile else (whos, others)
    params = {**company, "by_profile": by_profile, "addresses": addresses, "profiles": profiles}
    known: dict[str, Known] = {}
    if others:
        completed = await tx.many(SQL.complete_known, {**params, "leads": json.dumps(leads)})
        known = {row["who"]: Known(row["id"], row["other"]) for row in completed}
    left = [lead for each, lead in zip(firsts, leads, strict=True) if each.who not in known]
    query = SQL.add_by_profile if by_profile else SQL.add_by_email
    added = await tx.many(query, {**company, "leads": json.dumps(left)}) if left else []
    return known | {row["who"]: Known(row["id"], row["other"]) for row in added}


def _not_taken(*, by_profile: bool) -> dict[str, str]:
    """Return what is said of an address, or a profile, that is another person's, or where there is one already."""
    return {"field": "email" if by_profile else "linkedin_url", "code": "not_taken"}


def _report(
    judged: list[Judged], firsts: dict[str, Judged], known: dict[str, Known], enrolled: set[UUID]
) -> tuple[Counter[str], list[dict[str, Any]]]:
    counts = Counter[str]()
    results: list[dict[str, Any]] = []
    for each in judged:
        person = known.get(each.who) if each.who else None
        lead_id = person.id if person else None
        result = "invalid" if each.who is None else "suppressed" if each.is_suppressed else "duplicate"
        if each.who is not None and firsts.get(each.who) is each:
            result = "added" if lead_id in enrolled else "skipped" if each.skipped else result
        counts[result] += 1
        results.append(
            {
                "index": each.row.index,
                "line": each.row.line,
                **each.row.given,
                "result": result,
                "lead_id": str(lead_id) if lead_id else None,
                "reason": each.reason or (each.skipped if result == "skipped" else None),
                "notes": each.row.notes,
            }
        )
    return counts, results


def counted(counts: Counter[str]) -> dict[str, int]:
    """Return the counts of a list as the API shows them."""
    return {"received": counts.total(), **{name: counts[name] for name in RESULTS}}
