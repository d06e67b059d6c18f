"""Webhook samples retold about a real campaign and its people, and what became of them."""

import hashlib
import json
import random
import secrets
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.engine import Company, Engine, Organization, add_leads, addresses, draft, start, wait_for

PAYLOADS = Path(__file__).resolve().parents[1] / "providers" / "smartlead" / "payloads"
PEOPLE = 24


@dataclass
class Person:
    """One enrolment, in our ids and in the provider's."""

    email: str
    lead_id: str
    external_id: str
    map_id: str
    stats_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    message_id: str = field(default_factory=lambda: f"CAF{secrets.token_hex(6)}@mail.gmail.com")


@dataclass
class Scene:
    """A company with a running campaign, the address its provider tells things to, and its people, used one by one."""

    engine: Engine
    company: Company
    connection: str
    campaign: str
    external_id: str
    url: str
    people: list[Person]

    def send(self, body: bytes, **options: Any) -> httpx.Response:
        """Deliver one body as the provider does."""
        return httpx.post(self.url, content=body, headers={"Content-Type": "application/json"}, timeout=60, **options)

    def retold(self, name: str, person: Person) -> bytes:
        """Return a sample as it would be about this person in this campaign."""
        text = (PAYLOADS / f"{name}.json").read_text()
        for said, meant in (
            ("3623750", self.external_id),
            ("lead@example.com", person.email),
            ("4155843310", person.external_id),
            ("3375350255", person.map_id),
            ("b339b380-1111-4222-8333-944445555666", person.stats_id),
            ("CAF123@mail.gmail.com", person.message_id),
        ):
            text = text.replace(said, meant)
        return text.encode()

    def rows(self) -> list[dict[str, Any]]:
        """Return what is stored of the connection's webhooks, oldest first."""
        with self.engine.sql() as sql:
            query = """
                select state, reason, body, body_sha256 from outbound.inbound_webhooks
                where connection_id = %s order by received_at, id
            """
            return sql.execute(query, [self.connection]).fetchall()

    def settled(self, seconds: float = 30.0) -> list[dict[str, Any]]:
        """Return the stored webhooks once all of them were read."""
        wait_for("all read", lambda: all(row["state"] != "received" for row in self.rows()), seconds)
        return self.rows()

    def kept(self, bodies: set[bytes]) -> list[dict[str, Any]]:
        """Return the stored rows of these bodies once they were read; each is there once."""
        digests = {hashlib.sha256(body).digest() for body in bodies}
        rows = [row for row in self.settled() if bytes(row["body_sha256"]) in digests]
        assert len(rows) == len(digests)
        return rows

    def events(self, **filters: Any) -> list[dict[str, Any]]:
        """Return the company's events."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            params = {"limit": 200, **filters, **cursor}
            page = self.company.api.get("/v1/events", params=params).raise_for_status().json()
            found += page["data"]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    def types(self, person: Person) -> Counter[str]:
        """Return how often each kind of thing happened to a person."""
        return Counter(event["type"] for event in self.events(lead_id=person.lead_id))

    def enrolment(self, person: Person, campaign: str | None = None) -> dict[str, Any]:
        """Return where a person stands in a campaign."""
        path = f"/v1/campaigns/{campaign or self.campaign}/leads"
        rows = self.company.api.get(path, params={"limit": 200}).raise_for_status().json()["data"]
        return next(row for row in rows if row["lead_id"] == person.lead_id)


def build(engine: Engine, organization: Organization, name: str, *, people: int = PEOPLE) -> Scene:
    """Make a company whose campaign is running. Autoplay must be off: only what a test sends happens."""
    company = organization.new_company(name)
    connection = organization.connect(company)
    campaign = draft(company)
    added = add_leads(company, campaign, addresses(people))["results"]
    start(company, campaign)
    external_id = external(engine, campaign)
    with engine.control as control:
        url = control.get(f"/campaigns/{external_id}").raise_for_status().json()["webhooks"][0]["webhook_url"]
        theirs = control.get(f"/campaigns/{external_id}/leads").raise_for_status().json()
    ids = {row["email"]: row for row in theirs}
    cast = [
        Person(row["email"], row["lead_id"], str(ids[row["email"]]["lead_id"]), str(ids[row["email"]]["map_id"]))
        for row in added
    ]
    return Scene(engine, company, connection, campaign, external_id, url, cast)


def external(engine: Engine, campaign: str) -> str:
    """Return the provider's id of a campaign."""
    with engine.sql() as sql:
        query = "select external_id from outbound.campaign_bindings where campaign_id = %s"
        row = sql.execute(query, [campaign]).fetchone()
    assert row is not None
    return str(row["external_id"])


def deliver(deliveries: list[tuple[Scene, bytes]]) -> None:
    """Send all, several at a time in a random order that is printed; each is answered 200 without a body."""
    seed = random.randrange(10**9)
    print(f"shuffled with seed {seed}")
    random.Random(seed).shuffle(deliveries)
    with httpx.Client(timeout=60) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda delivery: client.post(delivery[0].url, content=delivery[1]), deliveries))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b"")}


def changed(body: bytes, **values: Any) -> bytes:
    """Return a JSON body with some fields changed."""
    return json.dumps({**json.loads(body), **values}).encode()
