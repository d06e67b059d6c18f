"""Companies with rows in every view: made over the API, and filled as if their campaigns had run for long."""

import json
import random
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from tests.database.tenants import Conn, known_by, put
from tests.engine import Company, Engine, Organization, wait_for

HOUR = timedelta(hours=1)
LEADS, CONVERSATIONS = 12, 5
PUSHED = ("pushed", "pending", "failed", "uncertain", "suppressed", "pushed")
STATUSES = ("queued", "active", "replied", "bounced", "unsubscribed", "completed")


@dataclass
class Filled:
    """A company and what is in it. `mark` stands in every text of its rows."""

    company: Company
    org: Organization
    zone: str
    mark: str
    rows: dict[str, list[UUID]] = field(default_factory=dict[str, list[UUID]])

    @property
    def own(self) -> dict[str, Any]:
        """The columns that say whose a row is."""
        return {"org_id": self.org.id, "company_id": self.company.id}

    @property
    def secrets(self) -> set[str]:
        """What another tenant may see nowhere."""
        return {self.mark, self.company.id, *(str(each) for ids in self.rows.values() for each in ids)}


@dataclass
class Tenants:
    """Two companies of one organization, and one of another."""

    one: Filled
    two: Filled
    foreign: Filled

    @property
    def all(self) -> tuple[Filled, Filled, Filled]:
        """All three."""
        return self.one, self.two, self.foreign


def admin_of(engine: Engine) -> Conn:
    """Return a superuser's connection, which no policy binds."""
    return psycopg.connect(engine.dev["database_urls"]["admin"], autocommit=True)


def tenants_of(engine: Engine) -> Tenants:
    """Make the three companies, and wait until the worker has seen to them."""
    org, other = engine.new_organization(), engine.new_organization()
    with admin_of(engine) as admin:
        one, two = (filled(admin, org, name) for name in ("One", "Two"))
        foreign = filled(admin, other, "Foreign")
        for each in (one, two, foreign):
            happenings(admin, each, ordinary_hours())
    for each in (org, other):
        body = {"domain": f"{secrets.token_hex(6)}.example"}
        each.api.post("/partner/v1/suppressions", json=body).raise_for_status()
    settle(engine, org, other)
    return Tenants(one, two, foreign)


def settle(engine: Engine, *orgs: Organization) -> None:
    """Wait until the worker has marked the people of the do-not-contact lists."""
    query = "select from outbound.suppressions where org_id = any(%s::uuid[]) and marked_at is null"
    with engine.sql() as sql:
        wait_for("marking", lambda: not sql.execute(query, [[org.id for org in orgs]]).fetchall())


def filled(admin: Conn, org: Organization, name: str, zone: str = "UTC") -> Filled:
    """Make a company whose days begin in a time zone, with senders, campaigns, people and what they wrote."""
    made = Filled(org.new_company(name), org, zone, f"mark{secrets.token_hex(6)}")
    body = {"name": f"{name} {made.mark}", "timezone": zone}
    org.api.patch(f"/partner/v1/companies/{made.company.id}", json=body).raise_for_status()
    _connection(admin, made)
    _senders(admin, made)
    for number in range(3):
        _campaign(admin, made, number)
    for number in range(CONVERSATIONS):
        _conversation(admin, made, number)
    for number in range(2):
        entry = {"domain": f"never{number}.{made.mark}.example"}
        made.company.api.post("/v1/suppressions", json=entry).raise_for_status()
    person = {"email": f"never@{made.mark}.example"}
    made.company.api.post("/v1/suppressions", json=person).raise_for_status()
    return made


def _connection(admin: Conn, made: Filled) -> None:
    email = {**made.own, "capability": "email_outreach", "provider": "smartlead"}
    put(admin, "entitlements", {**email, "status": "connected"})
    account = {"org_id": made.org.id, "provider": "smartlead", "credential_hmac": secrets.token_bytes(32)}
    hook = {"hook_token": b"sealed", "hook_hmac": secrets.token_bytes(32)}
    connection = {**email, **hook, "account_id": put(admin, "provider_accounts", account), "status": "disconnected"}
    made.rows["connections"] = [put(admin, "connections", connection)]


def _senders(admin: Conn, made: Filled) -> None:
    made.rows["senders"] = [
        put(admin, "senders", {
            **made.own, "capability": "email_outreach", "address": f"box{number}@{made.mark}.example",
            "display_name": f"Box {made.mark}", "daily_limit": 10 * number, "status": status, "warmup_status": warmup,
            "health": json.dumps({"problem": None, "warmup_score": 90 + number, "sent_today": number}),
        })
        for number, (status, warmup) in enumerate(
            [("active", "active"), ("active", "unknown"), ("disconnected", "inactive")]
        )
    ]  # fmt: skip


def _campaign(admin: Conn, made: Filled, number: int) -> None:
    status = ("active", "paused", "completed")[number]
    campaign = put(admin, "campaigns", {
        **made.own, "name": f"Campaign {number} {made.mark}", "capability": "email_outreach", "status": status,
        "timezone": made.zone, "started_at": datetime.now(UTC) - timedelta(days=300),
    })  # fmt: skip
    made.rows.setdefault("campaigns", []).append(campaign)
    put(admin, "campaign_bindings", {
        **made.own, "campaign_id": campaign, "connection_id": made.rows["connections"][0],
        "external_id": f"at{number}{made.mark}",
    })  # fmt: skip
    for place in range(LEADS):
        email = f"p{place}.{number}@{made.mark}.example"
        lead = put(admin, "leads", {
            **made.own, **known_by(email, f"https://www.linkedin.com/in/{made.mark}{place}{number}"),
            "first_name": f"Maria {made.mark}", "last_name": "Silva", "company_name": f"Firm {made.mark}",
        })  # fmt: skip
        made.rows.setdefault("leads", []).append(lead)
        pushed = PUSHED[place % len(PUSHED)]
        moment = datetime.now(UTC) - timedelta(days=10 * place) if pushed == "pushed" else None
        put(admin, "campaign_leads", {
            **made.own, "campaign_id": campaign, "lead_id": lead, "status": STATUSES[place % 5 if moment else 0],
            "push_state": pushed, "push_reason": "invalid" if pushed == "failed" else None, "pushed_at": moment,
            "push_attempt_id": UUID(int=place) if pushed == "uncertain" else None,
            "push_attempted_at": datetime.now(UTC) if pushed == "uncertain" else None,
        })  # fmt: skip


def _conversation(admin: Conn, made: Filled, number: int) -> None:
    now = datetime.now(UTC)
    conversation = put(admin, "conversations", {
        **made.own, "connection_id": made.rows["connections"][0], "campaign_id": made.rows["campaigns"][number % 3],
        "lead_id": made.rows["leads"][number % 3 * LEADS + number], "read": number % 2 == 0, "last_message_at": now,
    })  # fmt: skip
    made.rows.setdefault("conversations", []).append(conversation)
    for place, direction in enumerate(["incoming", "outgoing", "incoming"][: number + 1]):
        made.rows.setdefault("messages", []).append(put(admin, "messages", {
            **made.own, "conversation_id": conversation, "direction": direction, "subject": f"Re: {made.mark}",
            "state": "received" if direction == "incoming" else "sent", "text": f"Tell me more {place} {made.mark}",
            "sent_at": now - timedelta(days=number, hours=place),
        }))  # fmt: skip


def ordinary_hours() -> list[datetime]:
    """Return the hours of a few days of late: enough for every figure."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return [now - timedelta(days=day, hours=7 * day % 20) for day in range(1, 20)]


def happenings(
    admin: Conn, made: Filled, hours: Iterable[datetime], *, amount: int = 120, dice: random.Random | None = None
) -> None:
    """Let messages have been sent, opened and answered in some hours, each time of a random kind."""
    drawn, chosen = dice or random.Random(4), list(hours)
    kinds = [
        "message.sent", "message.sent", "message.opened", "message.clicked", "message.replied", "message.bounced",
        "message.auto_replied", "lead.unsubscribed", "lead.interested", "lead.labelled", "connection_request.sent",
        "connection_request.accepted",
    ]  # fmt: skip
    (base,) = admin.execute(
        "select coalesce(max(sequence), 0) from outbound.events where company_id = %s", [made.company.id]
    ).fetchone() or (0,)
    columns: list[list[Any]] = [[] for _ in range(7)]
    for number in range(amount):
        campaign = drawn.randrange(3)
        values = (
            base + 1 + number, kinds[number] if number < len(kinds) else drawn.choice(kinds),
            made.rows["campaigns"][campaign], made.rows["leads"][campaign * LEADS + drawn.randrange(LEADS)],
            drawn.choice([None, *made.rows["senders"]]), json.dumps({"step": drawn.choice([None, 1, 2, 3])}),
            drawn.choice(chosen) + timedelta(minutes=drawn.randrange(60)),
        )  # fmt: skip
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    admin.execute(
        "insert into outbound.events"
        " (org_id, company_id, sequence, type, campaign_id, lead_id, sender_id, data, occurred_at)"
        " select %s, %s, e.* from unnest(%s::bigint[], %s::text[], %s::uuid[], %s::uuid[], %s::uuid[], %s::jsonb[],"
        " %s::timestamptz[]) as e",
        [made.org.id, made.company.id, *columns],
    )
    admin.execute(
        "insert into outbound.event_counters (org_id, company_id, last_sequence) values (%s, %s, %s)"
        " on conflict (org_id, company_id) do update set last_sequence = excluded.last_sequence",
        [made.org.id, made.company.id, base + amount],
    )
