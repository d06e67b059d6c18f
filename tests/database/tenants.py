"""Seeded tenants and opened contexts for the database's own tests: real rows, login roles and tickets, no stand-ins."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from api.access.vault import Vault
from api.db.ticket import Tickets
from api.settings import generate_key, parse_keys
from providers.identity import domain_key, domain_of, email_key, profile_key
from tests.bodies import ROWS, filled
from tests.conftest import ROLE_PASSWORD, TICKET_KEYS

Conn = psycopg.Connection[tuple[Any, ...]]

TIERS = ("org", "company", "worker", "public", "platform")
DOORS = ("org", "company", "worker")  # the tiers that do a tenant's own work in a context
KIND_OF = {"org": "token", "company": "token", "worker": "job", "public": "hook", "platform": "platform"}
DOOR_OF = {"worker": "select ctx.open_job(%s)", "platform": "select ctx.open_platform(%s)"}
VAULT = Vault(pepper=secrets.token_bytes(32), encryption_keys=parse_keys(generate_key("e1")))
TICKETS = Tickets(parse_keys(TICKET_KEYS))


@dataclass(frozen=True)
class Place:
    """One migrated database and how to reach it."""

    host: str
    port: int
    dbname: str
    password: str

    def admin(self, **options: Any) -> Conn:
        """Return a superuser's connection, which no policy binds."""
        return psycopg.connect(**self._address, user="postgres", password=self.password, autocommit=True, **options)

    def role(self, tier: str, **options: Any) -> Conn:
        """Return a connection of a tier's login role."""
        return psycopg.connect(
            **self._address, user=f"outbound_{tier}", password=ROLE_PASSWORD, autocommit=True, **options
        )

    @property
    def _address(self) -> dict[str, Any]:
        return {"host": self.host, "port": self.port, "dbname": self.dbname}


@dataclass
class Company:
    """A company with one row in every table that a company owns. `spare` rows are not yet used by another row."""

    org_id: UUID
    id: UUID
    token: str = ""
    org_token: str = ""
    hook: str = ""
    rows: dict[str, UUID] = field(default_factory=dict)
    spare: dict[str, UUID] = field(default_factory=dict)

    def subject(self, tier: str) -> str:
        """Return what a ticket of this tier names."""
        subjects = {
            "org": self.org_token, "company": self.token, "worker": str(self.org_id), "public": self.hook,
            "platform": f"operator.{self.org_id}",
        }  # fmt: skip
        return subjects[tier]


@dataclass(frozen=True)
class World:
    """Two companies of one organization, and one of another."""

    a1: Company
    a2: Company
    b1: Company

    @property
    def companies(self) -> tuple[Company, Company, Company]:
        """All three."""
        return self.a1, self.a2, self.b1


@dataclass(frozen=True)
class Outcome:
    """How a statement ended: its rows, or the server's refusal."""

    sqlstate: str | None
    message: str
    count: int
    rows: list[tuple[Any, ...]]


def known_by(email: str | None = None, profile: str | None = None) -> dict[str, Any]:
    """Return the columns by which a person is known, each with its key."""
    key = email_key(email)
    return {
        "email": email, "email_key": key, "domain_key": domain_of(key) if key else None,
        "linkedin_url": profile, "linkedin_key": profile_key(profile),
    }  # fmt: skip


def entry(kind: str, value: str) -> dict[str, Any]:
    """Return the columns of an entry of a do-not-contact list, with its key."""
    key = {"email": email_key, "domain": domain_key, "linkedin_url": profile_key}[kind](value)
    return {"kind": kind, "value": value, "value_key": key}


def put(conn: Conn, table: str, values: Mapping[str, Any], *, returning: str | None = "id") -> UUID:
    """Insert one row as the connected role and return its id."""
    row = conn.execute(insert(table, values, returning), list(values.values())).fetchone() if returning else None
    if returning is None:
        conn.execute(insert(table, values, None), list(values.values()))
    return row[0] if row else UUID(int=0)


def insert(table: str, values: Mapping[str, Any], returning: str | None) -> sql.Composed:
    """Return an insert statement for these columns."""
    statement = sql.SQL("insert into outbound.{} ({}) values ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join([sql.Placeholder()] * len(values)),
    )
    return statement + sql.SQL(" returning {}").format(sql.Identifier(returning)) if returning else statement


def attempt(conn: Conn, statement: str | sql.Composed, params: Any = None, *, keep: bool = False) -> Outcome:
    """Run a statement in a savepoint, undone unless `keep`, and return how it ended."""
    try:
        with conn.transaction(force_rollback=not keep):
            cursor = conn.execute(statement, params)  # pyright: ignore[reportArgumentType]
            rows = cursor.fetchall() if cursor.description else []
            return Outcome(None, "", cursor.rowcount, rows)
    except psycopg.Error as error:
        detail = f"{error.diag.message_primary} {error.diag.message_detail or ''} {error.diag.constraint_name or ''}"
        return Outcome(error.sqlstate, detail, -1, [])


def ticket(
    kind: str, subject: str, *, seconds: float = 5, key: bytes | None = None, kid: str = "t1", version: str = "v1"
) -> str:
    """Return a ticket as the API signs it, or one that is wrong in the given way."""
    key = key or parse_keys(TICKET_KEYS)["t1"]
    body = f"{version}:{kind}:{kid}:{subject}:{int((time.time() + seconds) * 1000)}:{secrets.token_hex(8)}"
    return body + ":" + hmac.digest(key, body.encode(), hashlib.sha256).hex()


def enter(conn: Conn, tier: str, company: Company) -> None:
    """Open the context of a company, or of its organization, in the transaction that is open on `conn`."""
    door = DOOR_OF.get(tier, "select ctx.open(%s)")
    conn.execute(door, [TICKETS.sign(KIND_OF[tier], company.subject(tier))])


@contextmanager
def acting(place: Place, tier: str, company: Company, *, commit: bool = False) -> Iterator[Conn]:
    """Yield a login role's connection inside an opened context; everything is rolled back unless `commit`."""
    with place.role(tier) as conn, conn.transaction(force_rollback=not commit):
        enter(conn, tier, company)
        yield conn


def mark(place: Place, company: Company, batch: int = 5000) -> int:
    """Mark the people that new entries cover, as the job behind them does, and return in how many goes."""
    for goes in range(1000):
        with acting(place, "worker", company, commit=True) as conn:
            row = conn.execute("select outbound.mark_suppressed(%s)", [batch]).fetchone()
        if not row or not row[0]:
            return goes
    raise AssertionError("marking does not end")


def seed_world(admin: Conn) -> World:
    """Make the three companies, as a superuser and committed."""
    with admin.transaction():
        a1, a2 = seed_organization(admin, companies=2)
        (b1,) = seed_organization(admin, companies=1)
    return World(a1, a2, b1)


def seed_organization(admin: Conn, *, companies: int = 1) -> list[Company]:
    """Make an organization with its own user, token, account and suppression, and so many companies in it."""
    org = put(admin, "organizations", {"name": "Organization", "slug": f"org-{secrets.token_hex(6)}"})
    user = put(
        admin, "users", {"org_id": org, "kind": "person", "role": "org_admin", "name": "Ada", "email": "ada@p.example"}
    )
    token, _ = _token(admin, org, None, user)
    account = put(admin, "provider_accounts", {"org_id": org, "provider": "smartlead", "credential_hmac": b"\1" * 32})
    put(admin, "suppressions", {"org_id": org, **entry("domain", "everyone.example")})
    blocked = put(admin, "block_list_entries", {"org_id": org, "account_id": account, "entry": "never@stop.example"})
    made = [seed_company(admin, org, account) for _ in range(companies)]
    for company in made:
        company.org_token = token
        company.rows |= {"organizations": org, "provider_accounts": account, "block_list_entries": blocked}
    return made


def seed_company(admin: Conn, org: UUID, account: UUID) -> Company:
    """Make a company with a row in every table; the same natural keys in each, so that only the fences differ."""
    company = Company(org, put(admin, "companies", {"org_id": org, "name": "Company"}))
    rows = company.rows
    rows["companies"] = company.id
    own = {"org_id": org, "company_id": company.id}
    rows["users"] = put(admin, "users", {**own, "kind": "service", "role": "company_admin", "name": "Robot"})
    company.token, rows["api_tokens"] = _token(admin, org, company.id, rows["users"])
    _seed_sending(admin, company, own, account)
    _seed_campaign(admin, company, own)
    _seed_facts(admin, company, own)
    _seed_people(admin, company, own)
    for table, row in ROWS.items():
        if table == "block_list_entries":
            continue  # the account's, so the organization's
        rows[table] = put(admin, table, {**own, **filled(row, rows.__getitem__)})
    return company


def _token(admin: Conn, org: UUID, company: UUID | None, user: UUID) -> tuple[str, UUID]:
    digest = VAULT.token_hmac(secrets.token_hex(16))
    made = put(admin, "api_tokens", {
        "org_id": org, "company_id": company, "user_id": user, "tier": "company" if company else "org",
        "hmac": digest, "last_four": "abcd",
    })  # fmt: skip
    return digest.hex(), made


def _seed_sending(admin: Conn, company: Company, own: dict[str, Any], account: UUID) -> None:
    email = {**own, "capability": "email_outreach"}
    rows, hook = company.rows, VAULT.token_hmac(secrets.token_hex(16), purpose="hook")
    company.hook = hook.hex()
    rows["entitlements"] = put(admin, "entitlements", {**email, "provider": "smartlead", "status": "connected"})
    rows["connections"] = put(admin, "connections", {
        **email, "provider": "smartlead", "account_id": account, "status": "connected",
        "credential": b"sealed", "hook_token": b"sealed", "hook_hmac": hook,
    })  # fmt: skip
    for box, address in ((rows, "box@sender.example"), (company.spare, "spare@sender.example")):
        box["senders"] = put(admin, "senders", {**email, "address": address, "status": "active"})
    rows["account_senders"] = put(admin, "account_senders", {
        "org_id": company.org_id, "account_id": account, "external_id": str(company.id), "status": "active",
        "address": "box@sender.example", "assigned_to": company.id,
    })  # fmt: skip
    rows["sender_bindings"] = put(admin, "sender_bindings", {
        **own, "sender_id": rows["senders"], "connection_id": rows["connections"], "external_id": "17",
    })  # fmt: skip


def _seed_campaign(admin: Conn, company: Company, own: dict[str, Any]) -> None:
    rows, spare = company.rows, company.spare
    for box, name, email in ((rows, "First", "maria@lead.example"), (spare, "Spare", "spare@lead.example")):
        box["campaigns"] = put(admin, "campaigns", {
            **own, "name": name, "capability": "email_outreach", "status": "active",
            "started_at": "2026-01-01T00:00:00Z",
        })  # fmt: skip
        box["leads"] = put(admin, "leads", {
            **own, **known_by(email, f"https://www.linkedin.com/in/{name}"), "first_name": name,
        })  # fmt: skip
    campaign = {**own, "campaign_id": rows["campaigns"]}
    rows["sequence_steps"] = put(
        admin, "sequence_steps", {**campaign, "position": 1, "type": "email", "delay_days": 0, "body": "Hello"}
    )
    rows["campaign_senders"] = put(admin, "campaign_senders", {**campaign, "sender_id": rows["senders"]})
    rows["campaign_leads"] = put(admin, "campaign_leads", {**campaign, "lead_id": rows["leads"]})
    spare["campaign_leads"] = put(
        admin, "campaign_leads", {**own, "campaign_id": spare["campaigns"], "lead_id": rows["leads"]}
    )
    rows["campaign_bindings"] = put(
        admin, "campaign_bindings", {**campaign, "connection_id": rows["connections"], "external_id": "23"}
    )
    rows["lead_bindings"] = put(
        admin, "lead_bindings", {**own, "campaign_lead_id": rows["campaign_leads"], "external_id": "29"}
    )
    rows["suppressions"] = put(admin, "suppressions", {**own, **entry("email", "never@stop.example")})


def _seed_facts(admin: Conn, company: Company, own: dict[str, Any]) -> None:
    rows = company.rows
    rows["inbound_webhooks"] = put(admin, "inbound_webhooks", {
        **own, "connection_id": rows["connections"], "body": b"sealed", "body_sha256": b"\2" * 32,
    })  # fmt: skip
    rows["events"] = put(admin, "events", {
        **own, "sequence": 1, "type": "message.sent", "connection_id": rows["connections"], "event_key": "sent-1",
        "campaign_id": rows["campaigns"], "lead_id": rows["leads"], "occurred_at": "2026-01-01T00:00:00Z",
    })  # fmt: skip
    put(admin, "event_counters", {**own, "last_sequence": 1}, returning=None)


def _seed_people(admin: Conn, company: Company, own: dict[str, Any]) -> None:
    rows = company.rows
    person = put(admin, "users", {
        **own, "kind": "person", "role": "company_member", "name": "Grace", "email": f"grace@{company.id}.example",
    })  # fmt: skip
    rows["sessions"] = put(admin, "sessions", {**own, "user_id": person, "expires_at": "2100-01-01T00:00:00Z"})
    admin.execute(
        "insert into ctx.refresh_tokens (hmac, org_id, session_id, expires_at) values (%s, %s, %s, now() + '1 day')",
        [secrets.token_bytes(32), company.org_id, rows["sessions"]],
    )
    admin.execute("insert into ctx.login_buckets (bucket, tokens) values (%s, 10)", [f"account:{company.id}"])
    rows["idempotency_keys"] = put(admin, "idempotency_keys", {
        **own, "credential_id": rows["api_tokens"], "method": "POST", "path": "/v1/campaigns", "key": "key-1",
        "request_sha256": b"\3" * 32,
    })  # fmt: skip
    rows["audit_log"] = put(admin, "audit_log", {**own, "actor_tier": "company", "action": "create_campaign"})


@contextmanager
def untriggered(admin: Conn) -> Iterator[None]:
    """Put a state in place that no arrow leads to, as the superuser, with triggers off."""
    admin.execute("set session_replication_role = replica")
    try:
        yield
    finally:
        admin.execute("set session_replication_role = origin")
