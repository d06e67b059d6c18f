"""Two companies on one account, and a sender that goes from the first to the second together with one person."""

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from threading import Event, Thread
from typing import Any, LiteralString
from uuid import UUID

import httpx

from api.access.vault import SealedField
from tests.engine import STEPS, Company, Engine, Organization, addresses, start, wait_for, wait_synced
from tests.jobs.test_linkedin_provider import STEPS as LINKEDIN_STEPS
from tests.jobs.test_linkedin_provider import profiles

Row = dict[str, Any]
PROVIDERS = ("smartlead", "instantly", "heyreach")
LONG_AGO = timedelta(minutes=20)  # more than clocks may differ, less than asking goes back


def simulator(engine: Engine, provider: str, method: str, path: str, **request: Any) -> Any:
    """Speak to a simulator's control API."""
    url = engine.dev["simulators"][provider]["control_url"]
    return httpx.request(method, url + path, timeout=60, **request).raise_for_status().json()


@contextmanager
def in_the_past(engine: Engine, provider: str) -> Generator[None]:
    """Have what happens at a provider be dated a while ago."""
    simulator(engine, provider, "PUT", "/clock", json={"at": (datetime.now(UTC) - LONG_AGO).isoformat()})
    try:
        yield
    finally:
        simulator(engine, provider, "PUT", "/clock", json={"at": datetime.now(UTC).isoformat()})


@dataclass
class Account:
    """An account of no other company's at a simulated provider, and the companies that share it."""

    engine: Engine
    organization: Organization
    provider: str
    companies: dict[str, Company] = field(default_factory=dict[str, Company])

    @cached_property
    def key(self) -> str:
        """What opens the account."""
        return f"test_{secrets.token_hex(8)}"

    @property
    def capability(self) -> str:
        """What a company buys."""
        return "linkedin_outreach" if self.provider == "heyreach" else "email_outreach"

    def company(self, name: str) -> Company:
        """Make a company that is connected through the account."""
        made = self.organization.new_company(name)
        path = f"/partner/v1/companies/{made.id}/entitlements/{self.capability}"
        self.organization.api.put(path, json={"provider": self.provider}).raise_for_status()
        body = {"company_id": made.id, "provider": self.provider, "credential": {"api_key": self.key}}
        self.organization.api.post("/partner/v1/connections", json=body).raise_for_status()
        self.companies[name] = made
        return made

    def senders(self) -> list[Row]:
        """Return what the account sends from."""
        return self.organization.api.get("/partner/v1/senders").raise_for_status().json()["data"]

    def assign(self, sender: str, company: Company) -> str:
        """Say whose a sender is from now on; return the company's own id of it."""
        path, body = f"/partner/v1/senders/{sender}", {"company_id": company.id}
        return str(self.organization.api.put(path, json=body).raise_for_status().json()["sender_id"])

    def delete(self, company: Company) -> None:
        """Delete a company, and wait until it is gone."""
        path = f"/partner/v1/companies/{company.id}"
        self.organization.api.delete(path).raise_for_status()
        wait_for("the end", lambda: self.organization.api.get(path).status_code == 404)

    def new_person(self) -> str:
        """Return a person that no other test has, as this provider knows people."""
        return profiles(1)[0] if self.provider == "heyreach" else addresses(1)[0]

    def ask(self, path: str, **params: Any) -> Any:
        """Ask what a person with the account's key might ask of the mail provider that takes it as a parameter."""
        url = self.engine.dev["simulators"][self.provider]["url"]
        params = {"api_key": self.key, **params}
        return httpx.get(f"{url}/api/v1{path}", params=params, timeout=60).raise_for_status().json()

    def row(self, query: LiteralString, *values: str) -> Row:
        """Return one row of the database."""
        with self.engine.sql() as sql:
            return sql.execute(query, list(values)).fetchone() or {}


@dataclass
class Work:
    """One company's campaign, from one sender to one person."""

    account: Account
    company: Company
    campaign: str
    person: str

    @classmethod
    def begin(cls, account: Account, company: Company, sender: str, person: str) -> "Work":
        """Start a campaign and wait until the person was handed over."""
        api, linkedin = company.api, account.provider == "heyreach"
        body = {"name": f"Of {company.name}", "capability": account.capability}
        campaign = api.post("/v1/campaigns", json=body).raise_for_status().json()["id"]
        steps = {"steps": LINKEDIN_STEPS if linkedin else STEPS}
        api.put(f"/v1/campaigns/{campaign}/sequence", json=steps).raise_for_status()
        api.put(f"/v1/campaigns/{campaign}/senders", json={"sender_ids": [sender]}).raise_for_status()
        lead = {"linkedin_url" if linkedin else "email": person, "first_name": "Maria", "custom": {"city": "Lisbon"}}
        api.post(f"/v1/campaigns/{campaign}/leads", json={"leads": [lead]}).raise_for_status()
        start(company, campaign)
        work = cls(account, company, campaign, person)
        wait_for("the hand-over", lambda: work.stats()["leads"]["pushed"] == 1)
        return work

    @cached_property
    def external(self) -> Any:
        """The provider's id of the campaign."""
        query = "select external_id from outbound.campaign_bindings where campaign_id = %s"
        found = self.account.row(query, self.campaign)["external_id"]
        return found if self.account.provider == "instantly" else int(found)

    @cached_property
    def connection(self) -> str:
        """The company's connection."""
        query = "select id from outbound.connections where company_id = %s and deleted_at is null"
        return str(self.account.row(query, self.company.id)["id"])

    @cached_property
    def hook(self) -> str:
        """Where the company's webhooks arrive."""
        found = self.account.row("select hook_token from outbound.connections where id = %s", self.connection)
        folder = self.account.engine.folder
        place = SealedField(UUID(self.account.organization.id), "connections", "hook_token", UUID(self.connection))
        token = self.account.engine.vault.unseal(bytes(found["hook_token"]), place).decode()
        return f"{folder.settings().public_url}/hooks/{token}"

    def long_since(self, by: timedelta) -> None:
        """Let the company have had its senders, begun, and handed the person over, so much earlier."""
        with self.account.engine.sql() as sql:
            query = "update outbound.campaign_leads set push_attempted_at = push_attempted_at - %s"
            sql.execute(f"{query} where campaign_id = %s", [by, self.campaign])
            sql.execute("update outbound.campaigns set started_at = started_at - %s where id = %s", [by, self.campaign])
            query = "update outbound.sender_bindings set created_at = created_at - %s where company_id = %s"
            sql.execute(query, [by, self.company.id])

    def write_from(self, *senders: str) -> None:
        """Let the campaign write from other senders."""
        path = f"/v1/campaigns/{self.campaign}/senders"
        self.company.api.put(path, json={"sender_ids": senders}).raise_for_status()
        wait_synced(self.company, self.campaign)

    def hears(self, text: str, event: str = "reply") -> Row:
        """Let the person answer at the provider; return what its webhooks say of it."""
        return self.plays(event, text=text)

    def plays(self, event: str, **said: str) -> Row:
        """Make something happen to the person at the provider; return the first webhook that tells of it."""
        body = {"campaign_id": self.external, "email": self.person, "event": event, **said}
        return simulator(self.account.engine, self.account.provider, "POST", "/play", json=body)

    def deliver(self, body: Row) -> int:
        """Deliver a webhook to the company's address, and return how that was answered once it has been read."""
        status = httpx.post(self.hook, json=body, timeout=60).status_code
        query = "select count(*) as n from outbound.inbound_webhooks where connection_id = %s and state = 'received'"
        wait_for("everything read", lambda: self.account.row(query, self.connection)["n"] == 0)
        return status

    def reasons(self) -> list[str]:
        """Return why webhooks of the company were put aside."""
        query = "select reason from outbound.inbound_webhooks where connection_id = %s and state = 'quarantined'"
        with self.account.engine.sql() as sql:
            return [row["reason"] for row in sql.execute(query, [self.connection]).fetchall()]

    def poll(self) -> None:
        """Have the campaign's facts polled for now, and wait until they were."""
        self.account.engine.time_passes(
            "update outbound.campaign_bindings set poll_at = now(), figures = null, read_at = null "
            "where campaign_id = %s",
            self.campaign,
        )
        query = "select read_at is not null as done from outbound.campaign_bindings where campaign_id = %s"
        wait_for("the facts to be asked for", lambda: self.account.row(query, self.campaign)["done"])

    def wake(self) -> None:
        """Have the company's lane look for work."""
        self.account.engine.time_passes("select")

    def rows(self, path: str, **params: Any) -> list[Row]:
        """Return a list of the company's."""
        answer = self.company.api.get(path, params={"limit": 200, **params})
        return answer.raise_for_status().json()["data"]

    def stats(self) -> Row:
        """Return the campaign's figures."""
        return self.company.api.get(f"/v1/campaigns/{self.campaign}/stats").raise_for_status().json()

    def replies(self) -> list[str]:
        """Return what the person wrote, as the company's events tell it."""
        return [row["data"]["text"] for row in self.rows("/v1/events", type="message.replied")]

    def messages(self) -> list[Row]:
        """Return all messages of all conversations, the oldest first."""
        talks = [row["id"] for row in self.rows("/v1/conversations")]
        return [row for talk in talks for row in self.rows(f"/v1/conversations/{talk}/messages")[::-1]]

    def answer(self, text: str) -> Row:
        """Answer the person, and return the message once it is settled."""
        (talk,) = self.rows("/v1/conversations")
        path = f"/v1/conversations/{talk['id']}/reply"
        made = self.company.api.post(path, json={"text": text}).raise_for_status().json()

        def settled() -> Row | None:
            row = next(row for row in self.messages() if row["id"] == made["id"])
            return row if row["state"] in ("sent", "failed") else None

        return wait_for("the answer to go out", settled)

    def everything(self) -> str:
        """Return all that the company is shown of people and what they wrote."""
        paths = ("/v1/events", "/v1/conversations", "/v1/leads", f"/v1/campaigns/{self.campaign}/leads")
        return str([self.messages(), self.stats(), *(self.rows(path) for path in paths)])


def threads(account: Account, person: str, text: str, *works: Work) -> set[str]:
    """Return the provider's names of the threads with a person in which a text stands."""
    engine = account.engine
    if account.provider == "heyreach":
        rows = simulator(engine, "heyreach", "GET", "/messages", params={"profile_url": person})
        return {row["conversation_id"] for row in rows if text in row["body"]}
    if account.provider == "instantly":
        rows = simulator(engine, "instantly", "GET", "/emails", params={"lead": person})
        return {row["thread_id"] for row in rows if text in str(row["fields"]["body"])}
    lead = account.ask("/leads/", email=person)["id"]
    path = "/campaigns/{}/leads/{}/message-history"
    seen_now = {str(work.external): account.ask(path.format(work.external, lead)) for work in works}
    return {name for name, thread in seen_now.items() if text in str(thread["history"])}


@contextmanager
def untold(engine: Engine) -> Generator[None]:
    """Have nothing happen at the providers by itself, and no webhook come but those that a test delivers. What has
    happened is listed at once."""
    lags = {"lag_s": 0, "inbox_lag_s": 0}
    usual = {name: simulator(engine, "heyreach", "GET", "/settings")[name] for name in lags}
    for provider in PROVIDERS:
        simulator(engine, provider, "PUT", "/settings", json={"autoplay": False})
        simulator(engine, provider, "PUT", "/faults", json={"webhook_outage": {"rate": 1}})
    simulator(engine, "heyreach", "PUT", "/settings", json=lags)
    try:
        yield
    finally:
        simulator(engine, "heyreach", "PUT", "/settings", json=usual)
        for provider in PROVIDERS:
            simulator(engine, provider, "PUT", "/faults", json={})
            simulator(engine, provider, "PUT", "/settings", json={"autoplay": True})


@contextmanager
def unhurried(engine: Engine) -> Generator[None]:
    """Let accounts go on as if the seconds had passed that a provider wants between two lists of mails."""
    over = Event()
    query = """
        update outbound.provider_accounts set budget_at = now() - interval '1 minute'
        where provider = 'instantly' and budget_at > now() - interval '5 seconds'
    """

    def pass_time() -> None:
        with engine.sql() as sql:
            while not over.wait(0.01):
                sql.execute(query)

    thread = Thread(target=pass_time)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
