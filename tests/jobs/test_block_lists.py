"""A company's lists stand in its account's own block list too, as long as the account is its own."""

import asyncio
import secrets

import httpx
import pytest

from providers.contract import Access
from providers.http import HttpClients
from providers.registry import PROVIDERS
from tests.engine import Company, Engine, Organization, wait_for

BLOCKING = ("smartlead", "instantly")


class Account:
    """An account of its own at a simulated provider, and its block list as the provider shows it."""

    def __init__(self, engine: Engine, provider: str) -> None:
        self.engine, self.provider = engine, provider
        self.organization: Organization = engine.new_organization()
        self.key = f"test_{secrets.token_hex(8)}"

    def connect(self, name: str) -> Company:
        company, api = self.organization.new_company(name), self.organization.api
        path = f"/partner/v1/companies/{company.id}/entitlements/email_outreach"
        api.put(path, json={"provider": self.provider}).raise_for_status()
        body = {"company_id": company.id, "provider": self.provider, "credential": {"api_key": self.key}}
        api.post("/partner/v1/connections", json=body).raise_for_status()
        return company

    def listed(self) -> set[str]:
        url = self.engine.dev["simulators"][self.provider]["url"]

        async def read() -> set[str]:
            clients = HttpClients()
            access = Access(self.key, url, 60.0, ungated, clients.of(self.provider))
            try:
                return await PROVIDERS[self.provider].connect(access).block_list.entries()
            finally:
                await clients.aclose()

        return asyncio.run(read())


async def ungated(spacing: float = 0.0) -> None:
    """Ask at once: the simulator's account has no budget here."""


@pytest.fixture(params=BLOCKING)
def account(engine: Engine, request: pytest.FixtureRequest) -> Account:
    return Account(engine, request.param)


def suppress(client: httpx.Client, path: str = "/v1/suppressions", **body: str) -> str:
    return client.post(path, json=body).raise_for_status().json()["id"]


def test_lists_are_written_to_an_account_of_one_company_and_taken_off_again(account: Account) -> None:
    mark = secrets.token_hex(4)
    company = account.connect("One")
    kept = suppress(company.api, email=f"jo@müller.{mark}.example")
    suppress(company.api, domain=f"*.{mark}.example")
    suppress(company.api, linkedin_url=f"https://www.linkedin.com/in/{mark}")
    suppress(account.organization.api, "/partner/v1/suppressions", email=f"org@{mark}.example")
    wanted = {f"jo@xn--mller-kva.{mark}.example", f"{mark}.example", f"org@{mark}.example"}
    wait_for("all three on the account's list", lambda: account.listed() >= wanted)
    assert not [entry for entry in account.listed() if "linkedin" in entry]
    company.api.delete(f"/v1/suppressions/{kept}").raise_for_status()
    wait_for("the lifted one to go", lambda: f"jo@xn--mller-kva.{mark}.example" not in account.listed())
    assert account.listed() >= wanted - {f"jo@xn--mller-kva.{mark}.example"}


def test_what_is_ours_goes_as_soon_as_a_second_company_uses_the_account(account: Account) -> None:
    mark = secrets.token_hex(4)
    company = account.connect("One")
    suppress(company.api, domain=f"{mark}.example")
    wait_for("it on the account's list", lambda: f"{mark}.example" in account.listed())
    account.connect("Two")
    wait_for("it off the list", lambda: f"{mark}.example" not in account.listed())
    suppress(company.api, domain=f"late.{mark}.example")
    with account.engine.sql() as sql:
        query = "select from outbound.provider_accounts where org_id = %s and not block_list_due"
        wait_for("the account to be looked at", lambda: sql.execute(query, [account.organization.id]).rowcount == 1)
    assert not [entry for entry in account.listed() if mark in entry]
