"""Every change of what hangs together locks it in one order: while the first lock is taken, the later ones are free.

Two transactions that take two locks in different orders can wait for each other (`docs/locking.md`). Here a row is
locked by hand; the request must wait for it, and have locked nothing yet that another might want before that row.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from tests.api.people import tenant
from tests.engine import Company, Engine, Organization, draft, start, wait_for

LOCK = "select from {} where {} for no key update"
FREE = "select from {} where {} for no key update skip locked"
BLOCKED = "select pid from pg_stat_activity where %s = any(pg_blocking_pids(pid))"
ROWS = {
    "organization": ("outbound.organizations", "id = %(org)s"),
    "company": ("outbound.companies", "id = %(company)s"),
    "entitlement": ("outbound.entitlements", "company_id = %(company)s and deleted_at is null"),
    "account": ("outbound.provider_accounts", "id = %(account)s"),
    "connection": ("outbound.connections", "id = %(connection)s"),
    "campaign": ("outbound.campaigns", "id = %(campaign)s"),
    "events": ("outbound.event_counters", "company_id = %(company)s"),
    "sender": ("outbound.account_senders", "id = %(sender)s"),
    "user": ("outbound.users", "id = %(user)s"),
    "sessions": ("outbound.sessions", "user_id = %(user)s"),
    "credentials": ("ctx.credentials", "user_id = %(user)s"),
}
CHAIN = ("organization", "company", "entitlement", "connection", "campaign", "events")


@pytest.fixture(scope="module")
def org(engine: Engine) -> Organization:
    return tenant(engine)


class Connected:
    """A connected company with a campaign that runs, and the ids of all that hangs together."""

    def __init__(self, org: Organization) -> None:
        self.org = org
        self.company = org.new_company()
        self.key = f"test_{self.company.id[-12:]}"
        self.connection = org.connect(self.company, self.key)
        self.campaign = draft(self.company, leads=1)
        start(self.company, self.campaign)
        with org.engine.sql() as sql:
            ask = "select account_id from outbound.connections where id = %s"
            account = sql.execute(ask, [self.connection]).fetchone() or {}
        listed = org.api.get("/partner/v1/senders", params={"company_id": self.company.id}).raise_for_status().json()
        self.sender = listed["data"][0]["id"]
        self.ids = {
            "org": org.id, "company": self.company.id, "account": account["account_id"],
            "connection": self.connection, "campaign": self.campaign, "sender": self.sender,
        }  # fmt: skip

    def disconnect(self) -> httpx.Response:
        return self.org.api.post(f"/partner/v1/connections/{self.connection}/disconnect")

    def connect(self) -> httpx.Response:
        body = {"company_id": self.company.id, "provider": "smartlead", "credential": {"api_key": self.key}}
        return self.org.api.post("/partner/v1/connections", json=body)

    def rotate(self) -> httpx.Response:
        path = f"/partner/v1/connections/{self.connection}/rotate"
        return self.org.api.post(path, json={"credential": {"api_key": self.key}})

    def take_away(self) -> httpx.Response:
        return self.org.api.delete(f"/partner/v1/companies/{self.company.id}/entitlements/email_outreach")

    def suspend(self) -> httpx.Response:
        return self.org.api.patch(f"/partner/v1/companies/{self.company.id}", json={"status": "suspended"})

    def delete(self) -> httpx.Response:
        return self.org.api.delete(f"/partner/v1/companies/{self.company.id}")

    def assign(self) -> httpx.Response:
        return self.org.api.put(f"/partner/v1/senders/{self.sender}", json={"company_id": None})


def holds_nothing_after(
    engine: Engine, first: str, later: tuple[str, ...], ids: dict[str, Any], act: Callable[[], httpx.Response]
) -> httpx.Response:
    """Lock a row, let a request wait for it, see that the later rows are free, and return what it is answered."""

    def statement(form: str, name: str) -> Any:
        return form.format(*ROWS[name])

    with ThreadPoolExecutor(1) as pool, engine.sql() as holder, engine.sql() as other:
        with holder.transaction():
            assert holder.execute(statement(LOCK, first), ids).rowcount > 0, first
            request = pool.submit(act)
            wait_for(f"the request to wait for the {first}", lambda: blocked(other, holder) or request.done())
            assert not request.done(), f"it did not wait: {request.result().text}"
            for name in later:  # a lane may be at work with it for a moment; the request would keep it
                wait_for(f"the {name} to be free", lambda n=name: other.execute(statement(FREE, n), ids).rowcount > 0)
        return request.result(60)


def blocked(other: psycopg.Connection[Any], holder: psycopg.Connection[Any]) -> bool:
    return other.execute(BLOCKED, [holder.info.backend_pid]).fetchone() is not None


@pytest.mark.parametrize("first", ["organization", "company", "entitlement"])
@pytest.mark.parametrize("verb", ["disconnect", "rotate", "take_away"])
def test_a_connection_is_changed_after_all_that_is_above_it(
    engine: Engine, org: Organization, verb: str, first: str
) -> None:
    what = Connected(org)
    later = CHAIN[CHAIN.index(first) + 1 :]
    answer = holds_nothing_after(engine, first, later, what.ids, getattr(what, verb))
    assert answer.status_code in (200, 202, 204), answer.text


@pytest.mark.parametrize("first", ["organization", "company", "account"])
def test_connecting_again_waits_for_what_is_above_with_nothing_taken(
    engine: Engine, org: Organization, first: str
) -> None:
    what = Connected(org)
    assert what.disconnect().status_code == 202
    wait_for("the connection to close", lambda: closed(engine, what))
    later = CHAIN[CHAIN.index("connection" if first == "account" else first) + (first != "account") :]
    answer = holds_nothing_after(engine, first, later, what.ids, what.connect)
    assert (answer.status_code, answer.json()["status"]) == (201, "connected"), answer.text


def closed(engine: Engine, what: Connected) -> bool:
    with engine.sql() as sql:
        ask = "select from outbound.connections where id = %s and status = 'disconnected'"
        return sql.execute(ask, [what.connection]).fetchone() is not None


def test_a_key_is_changed_after_the_account_that_it_opens(engine: Engine, org: Organization) -> None:
    what = Connected(org)
    answer = holds_nothing_after(engine, "account", CHAIN[CHAIN.index("connection") :], what.ids, what.rotate)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("verb", ["suspend", "delete"])
def test_a_company_is_closed_after_its_organization(engine: Engine, org: Organization, verb: str) -> None:
    what = Connected(org)
    answer = holds_nothing_after(engine, "organization", CHAIN[1:], what.ids, getattr(what, verb))
    assert answer.status_code in (200, 202), answer.text


def test_a_sender_is_assigned_after_its_account(engine: Engine, org: Organization) -> None:
    what = Connected(org)
    answer = holds_nothing_after(engine, "account", ("sender", "campaign"), what.ids, what.assign)
    assert answer.status_code == 200, answer.text


def test_a_company_that_is_being_deleted_is_not_connected(engine: Engine, org: Organization) -> None:
    """It would keep the deletion from ever ending: no step closes what is opened after the closing."""
    what = Connected(org)
    assert what.disconnect().status_code == 202
    with engine.sql() as sql:
        sql.execute("update outbound.companies set status = 'deleting' where id = %s", [what.company.id])
    answer = what.connect()
    assert (answer.status_code, answer.json()["code"]) in ((409, "company_deleting"), (422, "unknown_reference"))


def test_a_link_is_used_after_its_person_is_locked(engine: Engine, org: Organization, company: Company) -> None:
    body = {"email": "link@lock-order.example", "name": "Link", "role": "company_member", "company_id": company.id}
    user = org.api.post("/partner/v1/users", json=body).raise_for_status().json()

    def use() -> httpx.Response:
        with engine.elsewhere() as door:
            return door.post(
                "/v1/auth/password", json={"token": user["link"]["token"], "password": "a long enough phrase"}
            )

    answer = holds_nothing_after(engine, "user", ("credentials",), {"user": user["id"]}, use)
    assert answer.status_code == 204, answer.text


@pytest.fixture(scope="module")
def company(org: Organization) -> Company:
    return org.new_company()


@pytest.mark.parametrize("path", ["/v1/auth/logout", "/v1/auth/logout-everywhere"])
def test_logging_out_does_not_lock_the_person(engine: Engine, org: Organization, company: Company, path: str) -> None:
    """Ending a person's sessions locks the person before them; a logout takes its session alone."""
    person = org.new_person("company_member", company)
    with engine.sql() as holder, holder.transaction():
        assert holder.execute(LOCK.format(*ROWS["user"]), {"user": person.id}).rowcount == 1  # pyright: ignore[reportArgumentType]
        assert person.api.post(path).status_code == 204
    assert person.api.get("/v1/auth/me").status_code == 401
