"""A running engine for tests: started as a person would start it, spoken to over HTTP and SQL."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString, TypeVar

import httpx
import psycopg
from psycopg.rows import dict_row

from api.access.vault import Vault, last_four
from api.dev.home import Home, State
from api.dev.seed import create_organization
from tests.support.parent import end_with_parent
from tests.support.ports import free_port

T = TypeVar("T")
PASSWORD = "correct horse battery staple"
PATIENCE = 240.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.03, 0.25
TRACKED = {"track_opens": True, "track_clicks": True}
STEPS = [
    {
        "type": "email",
        "delay_days": 0,
        "subject": "Hello {{first_name}}",
        "body": "<p>Hi {{custom.city}}, see https://acme.example/demo</p>",
    }
]


def wait_for(what: str, check: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """Return the first true value of `check`, or fail saying what did not come.

    The limit is only there to end what never comes: however slow the machine, nothing fails for having taken long. It
    is looked at ever more seldom, so that looking is not what keeps the machine busy.
    """
    patience, pause = max(seconds, PATIENCE), SHORTEST_PAUSE
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        began = time.monotonic()
        if value := check():
            return value
        time.sleep(max(pause, 2 * (time.monotonic() - began)))
        pause = min(pause * 1.3, LONGEST_PAUSE)
    raise AssertionError(f"{what} did not come within {patience} s")


@dataclass
class Company:
    """A company of a test, with a client that carries its token."""

    id: str
    name: str
    token: str
    api: httpx.Client
    api_key: str = ""  # of its account at the simulated provider


@dataclass
class Person:
    """A user with a password, and the session they are in."""

    id: str
    email: str
    slug: str
    tokens: dict[str, Any]
    api: httpx.Client


@dataclass
class Organization:
    """An organization of a test, with a client that carries its token."""

    id: str
    token: str
    api: httpx.Client
    engine: "Engine"
    companies: list[Company] = field(default_factory=list)
    slug: str = ""

    def new_person(self, role: str, company: Company | None = None, *, email: str | None = None) -> Person:
        """Invite a user, set their password with the link, and log them in."""
        body = {"email": email or addresses(1)[0], "name": "Person", "role": role}
        if company is not None:
            body["company_id"] = company.id
        user = self.api.post("/partner/v1/users", json=body).raise_for_status().json()
        link = {"token": user["link"]["token"], "password": PASSWORD}
        with self.engine.elsewhere() as door:
            door.post("/v1/auth/password", json=link).raise_for_status()
        tokens = self.engine.login(self.slug, user["email"])
        return Person(user["id"], user["email"], self.slug, tokens, self.engine.client(tokens["access_token"]))

    def new_company(self, name: str = "Company") -> Company:
        """Make a company and a token for it."""
        body = self.api.post("/partner/v1/companies", json={"name": name}).raise_for_status().json()
        token = self.api.post("/partner/v1/api-tokens", json={"company_id": body["id"]}).raise_for_status().json()
        company = Company(body["id"], name, token["token"], self.engine.client(token["token"]))
        self.companies.append(company)
        return company

    def connect(self, company: Company, api_key: str | None = None) -> str:
        """Entitle and connect a company to the simulated provider; return the connection's id.

        The first one uses the engine's account; each later one, unless it is given a key, an account of its own.
        """
        path = f"/partner/v1/companies/{company.id}/entitlements/email_outreach"
        self.api.put(path, json={"provider": "smartlead"}).raise_for_status()
        first = self.engine.api_key if not any(each.api_key for each in self.companies) else None
        company.api_key = api_key or company.api_key or first or f"test_{secrets.token_hex(8)}"
        body = {"company_id": company.id, "provider": "smartlead", "credential": {"api_key": company.api_key}}
        return self.api.post("/partner/v1/connections", json=body).raise_for_status().json()["id"]

    def companies_on_one_account(self) -> tuple[Company, Company]:
        """Make two companies that share the engine's account; each has mailboxes of its own."""
        one, two = self.new_company("One"), self.new_company("Two")
        for company in (one, two):
            self.connect(company, self.engine.api_key)
        mailbox = (
            self.api.get("/partner/v1/senders", params={"company_id": one.id}).raise_for_status().json()["data"][0]
        )
        self.api.put(f"/partner/v1/senders/{mailbox['id']}", json={"company_id": two.id}).raise_for_status()
        return one, two

    def connected_company(self, name: str = "Company") -> Company:
        """Make a company that can send."""
        company = self.new_company(name)
        self.connect(company)
        return company


@dataclass
class Engine:
    """One running engine."""

    home: Path
    process: subprocess.Popen[bytes]
    clients: list[httpx.Client] = field(default_factory=list)

    @classmethod
    def start(cls, home: Path, *options: str) -> "Engine":
        """Start `outbound dev` and wait until it is ready; without PostgREST, unless `--dashboards` is given."""
        home.mkdir(parents=True, exist_ok=True)
        if not (home / "state.json").exists():
            opened = Home.open(home)
            opened.state.ports = {name: free_port() for name in opened.state.ports}
            opened.save()
        (home / "dev.json").unlink(missing_ok=True)
        command = [sys.executable, "-m", "api.cli", "dev", "--home", str(home), "--no-walk", "--rate-limit", "0"]
        with (home / "dev.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, "--no-dashboards", "--requests-per-minute", "6000", *options],
                stdout=log, stderr=log, start_new_session=True, preexec_fn=end_with_parent,  # noqa: PLW1509 - one call
            )  # fmt: skip
        engine = cls(home, process)
        try:
            wait_for("the engine", engine.is_ready)
        except AssertionError:
            engine.stop()
            raise AssertionError(f"the engine did not start:\n{(home / 'dev.log').read_text()[-3000:]}") from None
        return engine

    def is_ready(self) -> bool:
        """Whether the engine has said where everything is and answers."""
        if self.process.poll() is not None:
            raise AssertionError(f"the engine ended:\n{(self.home / 'dev.log').read_text()[-3000:]}")
        return (self.home / "dev.json").exists() and len(self.dev["organizations"]) == 2

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        for client in self.clients:
            client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=PATIENCE)

    @property
    def dev(self) -> dict[str, Any]:
        """The contents of dev.json, as it is now."""
        return json.loads((self.home / "dev.json").read_text())

    @property
    def api_url(self) -> str:
        """Where the API answers."""
        return str(self.dev["api_url"])

    @property
    def api_key(self) -> str:
        """The key of the simulated account."""
        return str(self.dev["simulators"]["smartlead"]["api_key"])

    def client(self, token: str | None = None) -> httpx.Client:
        """Return a client, with a token or without."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self._kept(httpx.Client(base_url=self.api_url, headers=headers, timeout=60))

    def _kept(self, client: httpx.Client) -> httpx.Client:
        self.clients.append(client)
        return client

    @property
    def control(self) -> httpx.Client:
        """The simulator's control API."""
        return self._kept(httpx.Client(base_url=self.dev["simulators"]["smartlead"]["control_url"], timeout=60))

    def new_organization(self) -> Organization:
        """Make a fresh tenant: no test sees another's rows."""
        slug = f"org-{secrets.token_hex(6)}"
        made = create_organization(self.folder, slug, slug)
        return Organization(made["id"], made["org_token"], self.client(made["org_token"]), self, slug=slug)

    @property
    def folder(self) -> Home:
        """The engine's folder as its processes read it: with its keys."""
        return Home(self.home, State(**json.loads((self.home / "state.json").read_text())))

    @property
    def vault(self) -> Vault:
        """The processes' keys: what is made with them has valid check digits."""
        return Vault.from_settings(self.folder.settings())

    def elsewhere(self) -> httpx.Client:
        """Return a client from a network of its own: tries to log in are counted per /24."""
        parts = (secrets.randbelow(250) + 2, secrets.randbelow(256), secrets.randbelow(250) + 2)
        transport = httpx.HTTPTransport(local_address="127.{}.{}.{}".format(*parts))
        return httpx.Client(base_url=self.api_url, transport=transport, timeout=60)

    def login(self, slug: str, email: str, password: str = PASSWORD) -> dict[str, Any]:
        """Log a user in and return the tokens."""
        with self.elsewhere() as door:
            body = {"organization": slug, "email": email, "password": password}
            return door.post("/v1/auth/login", json=body).raise_for_status().json()

    def new_operator(self) -> str:
        """Make a platform token, as an operator's command line does, and return it."""
        token = self.vault.new_token("platform")
        digest = self.vault.token_hmac(token)
        with self.sql() as sql:
            query = "insert into outbound.platform_tokens (name, hmac, last_four) values ('test', %s, %s)"
            sql.execute(query, [digest, last_four(token)])
        return token

    @contextmanager
    def sql(self, tier: str = "admin") -> Iterator[psycopg.Connection[dict[str, Any]]]:
        """Open a raw connection as a role; `admin` sees everything."""
        with psycopg.connect(self.dev["database_urls"][tier], row_factory=dict_row, autocommit=True) as conn:
            yield conn

    def time_passes(self, query: LiteralString, *values: Any) -> None:
        """Change rows as if time had passed, and have the lanes of all connected accounts look what is due."""
        with self.sql() as sql:
            sql.execute(query, values)
            sql.execute("""
                insert into ctx.lanes as l (org_id, task, subject, due_at)
                select distinct k.org_id, 'account.work', k.account_id, now()
                from outbound.connections as k where k.status = 'connected' and k.deleted_at is null
                on conflict (org_id, task, subject) do update set due_at = excluded.due_at, wakes = l.wakes + 1
            """)

    def new_conversation(self, company_id: str, campaign: str, lead: str) -> str:
        """Let a lead have written to a company, without a provider's doing; return the conversation's id."""
        with self.sql() as sql:
            query = (
                "insert into outbound.conversations"
                " (org_id, company_id, connection_id, campaign_id, lead_id, last_message_at)"
                " select k.org_id, k.company_id, k.id, %(campaign)s, %(lead)s, now() from outbound.connections as k"
                " where k.company_id = %(company)s and k.deleted_at is null limit 1 returning id"
            )
            row = sql.execute(query, {"campaign": campaign, "lead": lead, "company": company_id}).fetchone() or {}
            query = (
                "insert into outbound.messages (org_id, company_id, conversation_id, direction, state, text, sent_at)"
                " select org_id, company_id, id, 'incoming', 'received', '<p>Tell me more</p>', now()"
                " from outbound.conversations where id = %s"
            )
            sql.execute(query, [row["id"]])
        return str(row["id"])

    def kill(self, name: str) -> None:
        """End one process with SIGKILL and wait until another stands in its place and the API answers."""
        pid = self.dev["pids"][name]
        os.kill(pid, signal.SIGKILL)
        wait_for(f"a new {name}", lambda: self.dev["pids"].get(name) not in (None, pid), 20)
        wait_for("the API", self.answers, 20)

    def answers(self) -> bool:
        """Whether the API and its Postgres answer."""
        try:
            return httpx.get(f"{self.api_url}/readyz", timeout=30).status_code == 200
        except httpx.HTTPError:
            return False


def draft(company: Company, *, leads: int = 0, name: str = "Campaign") -> str:
    """Make a campaign that lacks nothing but, by default, leads; return its id."""
    body = {"name": name, "capability": "email_outreach", "settings": TRACKED}
    campaign = company.api.post("/v1/campaigns", json=body).raise_for_status().json()["id"]
    company.api.put(f"/v1/campaigns/{campaign}/sequence", json={"steps": STEPS}).raise_for_status()
    senders = company.api.get("/v1/senders").raise_for_status().json()["data"]
    ids = {"sender_ids": [sender["id"] for sender in senders]}
    company.api.put(f"/v1/campaigns/{campaign}/senders", json=ids).raise_for_status()
    if leads:
        add_leads(company, campaign, addresses(leads))
    return campaign


def addresses(count: int) -> list[str]:
    """Return fresh addresses that no other test has."""
    mark = secrets.token_hex(4)
    return [f"lead{number}.{mark}@example.com" for number in range(count)]


def add_leads(company: Company, campaign: str, emails: list[str]) -> dict[str, Any]:
    """Add people by address and return the answer."""
    rows = [{"email": email, "first_name": "Maria", "custom": {"city": "Lisbon"}} for email in emails]
    answer = company.api.post(f"/v1/campaigns/{campaign}/leads", json={"leads": rows})
    return answer.raise_for_status().json()


def start(company: Company, campaign: str, seconds: float = 60.0) -> None:
    """Start a campaign and wait until everything stands at the provider."""
    company.api.post(f"/v1/campaigns/{campaign}/start").raise_for_status()
    wait_synced(company, campaign, seconds)


def wait_synced(company: Company, campaign: str, seconds: float = 60.0) -> None:
    """Wait until a campaign's wishes are carried out; fail at once when they were refused."""

    def synced() -> bool:
        sync = company.api.get(f"/v1/campaigns/{campaign}").raise_for_status().json()["sync"]
        assert sync["state"] != "failed", sync
        return sync["state"] in ("synced", "partial")

    wait_for("synced", synced, seconds)
