"""Fills the database: tenants, campaigns, people and enrolments of real widths, and tokens for the probed companies."""

import base64
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from api.access.vault import Vault, last_four
from api.db import ticket
from api.settings import parse_keys
from tests.bench.ground import SQL, Ground

PARTS = 2
PROBED = 96
BIG = ("outbound.leads", "outbound.campaign_leads")
FAR_FUTURE = 400_000_000
PEOPLE_SECONDS = 60.0


@dataclass(frozen=True)
class Probe:
    """A company that requests are made for."""

    number: int
    org_id: UUID
    company_id: UUID
    user_id: UUID
    campaign_id: UUID
    token: str
    ticket: str
    hmac: bytes
    domains: list[str]
    lead_ids: list[UUID]


def vault(ground: Ground) -> Vault:
    """Return the engine's keys."""
    keys = ground.home.state.keys
    return Vault(
        pepper=base64.b64decode(keys["pepper"]),
        encryption_keys=parse_keys(keys["encryption"]),
    )


def load_rows(ground: Ground, rows: int, enrolments: int) -> dict[str, Any]:
    """Load everything without triggers, rebuild the indexes, and return how much there is."""
    clock = time.monotonic()

    def done(what: str) -> None:
        ground.say(f"  {time.monotonic() - clock:5.1f} s  {what}")

    with ground.connect() as conn:
        _quick(conn)
        conn.execute(SQL.schema.sql)
        conn.execute(SQL.organizations.sql, {"organizations": 200})
        for query in (SQL.tenants, SQL.companies, SQL.numbered_companies):
            conn.execute(query.sql, {})
        conn.execute(SQL.numbered_campaigns.sql, {"campaigns": 5000, "rows": rows})
        for query in (SQL.campaigns, SQL.numbered_id):
            conn.execute(query.sql, {})
        indexes = [_drop_indexes(conn, table) for table in BIG]
    done("tenants and campaigns")
    _in_parts(ground, "leads")
    done("people")
    _in_parts(ground, "enrolments", share=_affordable(time.monotonic() - clock) * enrolments / rows)
    done("enrolments")
    definitions = [definition for both in indexes for definition in both]
    _in_parallel(ground, [*definitions, _plain(SQL.events.sql)])
    done("indexes and events")
    _twin(ground)
    done("the unfenced twin")
    _in_parallel(ground, [f"vacuum analyze {table}" for table in (*BIG, "bench.leads", "outbound.events")])
    _in_parallel(ground, ["vacuum analyze outbound.campaigns", "analyze", "checkpoint"])
    done("vacuum and analyze")
    with ground.connect() as conn, conn.cursor(row_factory=dict_row) as cursor:
        return dict(cursor.execute(SQL.counts.sql).fetchone() or {})


def _affordable(seconds: float) -> float:
    """Return the share of the enrolments that a machine which took so long for the people has the time for."""
    return max(0.2, min(1.0, PEOPLE_SECONDS / seconds))


def _plain(sql: bytes) -> str:
    return sql.decode().replace("%%", "%")


def _quick(conn: Connection[Any]) -> None:
    conn.execute("set session_replication_role = replica")
    conn.execute("set synchronous_commit = off")


def _drop_indexes(conn: Connection[Any], table: str) -> list[str]:
    found = conn.execute(SQL.plain_indexes.sql, {"table": table}).fetchall()
    for name, _ in found:
        conn.execute(f"drop index {name}".encode())
    return [definition for _, definition in found]


def _in_parts(ground: Ground, name: str, **params: object) -> None:
    def part(number: int) -> None:
        with ground.connect() as conn:
            _quick(conn)
            conn.execute(SQL.statements[name].sql, {"parts": PARTS, "part": number, **params})

    with ThreadPoolExecutor(PARTS) as pool:
        list(pool.map(part, range(PARTS)))


def _in_parallel(ground: Ground, statements: list[str]) -> None:
    def run(statement: str) -> None:
        with ground.connect() as conn:
            _quick(conn)
            conn.execute("set max_parallel_maintenance_workers = 0")
            conn.execute(statement.encode())

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, statements))


def _twin(ground: Ground) -> None:
    with ground.connect() as conn:
        conn.execute(SQL.twin.sql)
        conn.execute(SQL.twin_statistics.sql, {})
        found = conn.execute(SQL.all_indexes.sql, {"table": "outbound.leads"}).fetchall()
    _in_parallel(ground, [str(row[0]).replace(" ON outbound.leads", " ON bench.leads") for row in found])
    with ground.connect() as conn:
        conn.execute(SQL.twin_document.sql)


def make_probes(ground: Ground) -> list[Probe]:
    """Give the probed companies tokens through the real triggers, and pgbench tickets that last."""
    keys = vault(ground)
    probes: list[Probe] = []
    with ground.connect() as conn:
        with conn.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(SQL.probed.sql, {"count": PROBED}).fetchall()
        for number, row in enumerate(found):
            token = keys.new_token("company")
            hmac = keys.token_hmac(token)
            person = conn.execute(SQL.person.sql, row).fetchone()
            assert person is not None
            given = {**row, "user_id": person[0], "hmac": hmac, "last_four": last_four(token)}
            conn.execute(SQL.token.sql, given)
            user: Any = person[0]
            ticket = lasting_ticket(ground, "token", hmac.hex())
            probes.append(Probe(number, row["org_id"], row["company_id"], user, row["campaign_id"], token, ticket, hmac,
                                row["domains"], row["lead_ids"]))  # fmt: skip
        _store(conn, probes)
    return probes


def _store(conn: Connection[Any], probes: list[Probe]) -> None:
    conn.execute(SQL.probes.sql)
    for probe in probes:
        conn.execute(SQL.probe.sql, {**vars(probe), "domain": probe.domains[0], "lead_id": probe.lead_ids[0]})
    for query in (SQL.twin_credentials, SQL.twin_credentials_key):
        conn.execute(query.sql)
    for query in (SQL.grants, SQL.grant_tables, SQL.grant_functions):
        conn.execute(query.sql)


def lasting_ticket(ground: Ground, kind: str, subject: str) -> str:
    """Sign a ticket that outlives the run: pgbench and EXPLAIN cannot sign a fresh one for each transaction."""
    seconds = ticket.TICKET_SECONDS
    ticket.TICKET_SECONDS = FAR_FUTURE
    try:
        return ticket.Tickets(parse_keys(ground.home.state.keys["ticket"])).sign(kind, subject)
    finally:
        ticket.TICKET_SECONDS = seconds
