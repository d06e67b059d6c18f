"""An account's request budget: evenly spaced by the minute, never more than its limit in any hour, and shown."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from api.tasks import LANE
from api.worker.lanes import SQL
from tests.engine import Engine, Organization, add_leads, addresses, draft, start

Conn = psycopg.Connection[Any]
Take = Callable[[int], dict[str, Any]]


@pytest.fixture
def account(postgresql: Conn) -> UUID:
    """An account that was never used, in a database of its own."""
    insert = "insert into outbound.organizations (name, slug) values ('T', 't') returning id"
    (org_id,) = postgresql.execute(insert).fetchone() or ()
    postgresql.execute("select ctx.set_scope(%s, null, null, 'test')", [org_id])
    insert = (
        "insert into outbound.provider_accounts (org_id, provider, credential_hmac)"
        " values (%s, 'smartlead', sha256('x')) returning id"
    )
    (account_id,) = postgresql.execute(insert, [org_id]).fetchone() or ()
    return account_id


@pytest.fixture
def take(postgresql: Conn, account: UUID) -> Take:
    """Ask for one request as a lane does, and return the answer."""

    def ask(per_hour: int) -> dict[str, Any]:
        params = {"account_id": account, "job_id": 0, "interval": 0.0, "late": 0.0, "longest": 10.0}
        params |= {"per_hour": per_hour}
        cursor = postgresql.execute(SQL.take_budget.sql, params)
        names = [column.name for column in cursor.description or ()]
        return dict(zip(names, cursor.fetchone() or (), strict=True))

    return ask


def age(postgresql: Conn, account: UUID, by: timedelta) -> None:
    """Let time pass for the account."""
    move = "update outbound.provider_accounts set used_minute = used_minute - %s where id = %s"
    postgresql.execute(move, [by, account])


def granted(take: Take, per_hour: int, most: int) -> int:
    """Take until nothing is given any more, and return how often something was."""
    for number in range(most):
        if take(per_hour)["spent_seconds"] is not None:
            return number
    return most


def test_an_hour_gives_its_limit_and_no_more(take: Take) -> None:
    assert granted(take, 7, 20) == 7
    refused = take(7)
    assert 59 * 60 < refused["spent_seconds"] <= 61 * 60


def test_without_a_limit_by_the_hour_nothing_is_refused(take: Take) -> None:
    assert granted(take, 0, 20) == 20


def test_what_was_taken_comes_back_when_it_is_an_hour_old(postgresql: Conn, account: UUID, take: Take) -> None:
    assert granted(take, 10, 4) == 4
    age(postgresql, account, timedelta(minutes=30))
    assert granted(take, 10, 20) == 6
    refused = take(10)
    assert 29 * 60 < refused["spent_seconds"] <= 31 * 60
    age(postgresql, account, timedelta(minutes=30))
    assert granted(take, 10, 20) == 0
    age(postgresql, account, timedelta(minutes=1))
    assert granted(take, 10, 20) == 4
    age(postgresql, account, timedelta(days=9))
    assert granted(take, 10, 20) == 10


def test_no_hour_of_a_day_has_more_than_the_limit(postgresql: Conn, account: UUID, take: Take) -> None:
    """However the requests fall on the minutes."""
    taken: list[int] = []
    for minute in range(0, 400, 7):
        wanted = (minute * 13) % 11
        taken += [minute] * granted(take, 25, wanted)
        age(postgresql, account, timedelta(minutes=7))
    assert max(sum(begin <= at < begin + 60 for at in taken) for begin in range(400)) == 25


def test_answers_pausing_and_stopping_alone_may_use_what_is_kept_for_them(take: Take) -> None:
    urgent = {step.run.__name__ for step in LANE if step.share == 1.0}
    assert urgent == {"recover_replies", "send_replies", "pause_campaigns", "stop_leads"}
    assert granted(take, 19, 30) == 19  # what everything else is given of 20
    assert granted(take, 20, 30) == 1


@pytest.fixture
def organization(engine: Engine) -> Organization:
    return engine.new_organization()


def budget(organization: Organization, connection: str) -> dict[str, Any]:
    return organization.api.get(f"/partner/v1/connections/{connection}/budget").raise_for_status().json()


def test_a_partner_sees_what_an_account_was_sent(organization: Organization) -> None:
    company = organization.new_company()
    connection = organization.connect(company)
    fresh = budget(organization, connection)
    assert fresh["connection_id"] == connection
    assert [(window["seconds"], window["limit"]) for window in fresh["windows"]] == [
        (2, None), (60, 6000), (3600, None)
    ]  # fmt: skip
    campaign = draft(company)
    add_leads(company, campaign, addresses(3))
    start(company, campaign)
    used = [window["used"] for window in budget(organization, connection)["windows"]]
    assert used[2] >= 6
    assert used[2] >= fresh["windows"][2]["used"] + 6
    assert used[0] is None
    assert used[1] <= used[2]


def test_a_budget_is_the_partners_alone(organization: Organization, engine: Engine) -> None:
    company = organization.new_company()
    connection = organization.connect(company)
    path = f"/partner/v1/connections/{connection}/budget"
    for stranger in (company.api, engine.new_organization().api):
        assert stranger.get(path).status_code == 404
