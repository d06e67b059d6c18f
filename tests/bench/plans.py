"""Every statement of the product on the big tables, planned as the role that runs it, inside a real context."""

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from api.access.vault import last_four
from api.db.queries import Query, load
from api.db.statements import OPEN, OPEN_JOB
from tests.bench.data import Probe, lasting_ticket, vault
from tests.bench.ground import SQL, Ground
from tests.bench.report import Report

ROOT = Path(__file__).resolve().parents[2]
BIG = {"leads", "campaign_leads", "campaigns", "events"}
SCANS = ("Index Scan", "Index Only Scan", "Bitmap Index Scan")
MENTIONS = re.compile(r"outbound\.(leads|campaign_leads|campaigns|events)\b")
# Filters that a caller may leave out: each query is planned with all of them and with none.
OPTIONAL = {"company_id", "email", "domain", "source", "before", "status", "push_state", "type", "lead_id"}


class Values(dict[str, Any]):
    """Sample parameters; one that a statement got since is null."""

    def __missing__(self, name: str) -> None:
        return None


@dataclass(frozen=True)
class Opening:
    """A role with the statement and the ticket that open its context."""

    tier: str
    statement: bytes
    ticket: str


def check(ground: Ground, probe: Probe, report: Report) -> list[str]:
    """Plan everything and return the offenders: a whole table read, or an index without the tenant in its condition."""
    openings = [
        Opening("company", OPEN, probe.ticket),
        Opening("org", OPEN, _org_ticket(ground, probe)),
        Opening("worker", OPEN_JOB, lasting_ticket(ground, "job", str(probe.org_id))),
    ]
    offenders: list[str] = []
    planned = 0
    for opening in openings:
        with psycopg.connect(ground.home.database_url(opening.tier)) as conn:
            for path, query in statements(opening.tier):
                found = _offences(conn, opening, query, _values(path, query.name, probe))
                planned += found is not None
                name = f"{path.parent.name}/{query.name} as {opening.tier}"
                offenders += [f"{name}: {offence}" for offence in found or []]
    name = f"plans: statements on big tables with a scan outside the tenant (of {planned})"
    report.add(name, len(offenders), target="<= 0", ok=not offenders)
    for offence in offenders:
        report.note(f"plan: {offence}")
    return offenders


def statements(tier: str) -> Iterator[tuple[Path, Query]]:
    """Yield the product's statements that a role runs and that touch a big table."""
    names = {"jobs.sql"} if tier == "worker" else {"queries.sql", "adding.sql", "people.sql"}
    for path in sorted(path for path in (ROOT / "api").glob("*/*.sql") if path.name in names):
        for query in load(path).statements.values():
            if MENTIONS.search(query.sql.decode()):
                yield path, query


def _org_ticket(ground: Ground, probe: Probe) -> str:
    token = vault(ground).new_token("org")
    hmac = vault(ground).token_hmac(token)
    params = {"org_id": probe.org_id, "hmac": hmac, "last_four": last_four(token)}
    with ground.connect() as conn:
        conn.execute(SQL.create_org_token.sql, params)
    return lasting_ticket(ground, "token", hmac.hex())


def _values(path: Path, name: str, probe: Probe) -> dict[str, Any]:
    lead, other = probe.lead_ids[0], uuid.uuid4()
    own = {
        "company_id": probe.company_id, "campaign_id": probe.campaign_id, "lead_id": lead, "lead_ids": [lead],
        "enrolment_ids": [other], "sender_ids": [other], "connection_id": other, "account_id": other,
        "before": lead, "after": lead if "export" in name else 0,
        "page_size": 50, "batch": 100, "email": "maria@example.com",
        "domain": probe.domains[0], "push_state": "pending", "type": "message.sent", "attempt_id": other,
        "id": lead if path.parent.name == "leads" and "lead" in name else probe.campaign_id,
        "name": "mar", "address": "mar", "source": "Fair", "capability": "email_outreach",
        "settle_after": 30.0, "status": _status(name), "revision": 3,
        "by_profile": False, "facts": "[]", "results": "[]", "rows": "[]", "steps": "[]", "webhooks": [other],
    }  # fmt: skip
    more = {"timezone": "UTC", "send_days": [1], "send_from": "09:00", "send_until": "17:00"}
    last = {"minutes_between_sends": 10, "max_new_leads_per_day": 100, "reason": None, "stop_state": "done"}
    return Values({**own, **more, **last, "external_id": "1", "part": "x", "digest": "x", "remote_status": "active",
            "version": 1, "at": datetime.now(UTC)})  # fmt: skip


def _status(name: str) -> str:
    return "queued" if "lead" in name else "active"


def _offences(conn: Connection[Any], opening: Opening, query: Query, values: dict[str, Any]) -> list[str] | None:
    """Return what is wrong with a query's plans; None where the role may not run it."""
    offences: set[str] = set()
    bare = Values({name: None if name in OPTIONAL else value for name, value in values.items()})
    listing = query.name.startswith("list_")
    for given in (values, bare) if listing else (values,):
        try:
            conn.execute(opening.statement, {"ticket": opening.ticket})
            row = conn.execute(b"explain (format json) " + query.sql, given).fetchone()
        except psycopg.errors.InsufficientPrivilege:
            return None
        finally:
            conn.rollback()
        assert row is not None
        shown = ", ".join(name for name in sorted(OPTIONAL) if given[name] is not None and name in query.sql.decode())
        offences |= {f"{text} (filters: {shown or 'none'})" for text in _walk(row[0][0]["Plan"])}
    return sorted(offences)


def _walk(node: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong in a plan and below it."""
    table = node.get("Relation Name")
    if table in BIG and node.get("Schema", "outbound") == "outbound" and node["Node Type"] == "Seq Scan":
        yield f"Seq Scan on {table}"
    index = node.get("Index Name", "")
    if node["Node Type"] in SCANS and _of_big(index) and "org_id" not in node.get("Index Cond", ""):
        yield f"{node['Node Type']} on {index} without org_id in its condition"
    children: Sequence[dict[str, Any]] = node.get("Plans", [])
    for child in children:
        yield from _walk(child)


def _of_big(index: str) -> bool:
    return any(index.startswith(f"{table}_") for table in BIG)
