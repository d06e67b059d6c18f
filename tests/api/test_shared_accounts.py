"""One account for several companies: what it sends from is no company's until the partner says whose."""

import secrets
from typing import Any

import httpx
import pytest

from tests.api.answers import problem
from tests.engine import Company, Engine, Organization, draft, start, wait_for

SENDERS = "/partner/v1/senders"


@pytest.fixture
def key() -> str:
    """The key of an account that no company has used."""
    return f"test_{secrets.token_hex(8)}"


@pytest.fixture
def organization(engine: Engine) -> Organization:
    return engine.new_organization()


@pytest.fixture
def pair(organization: Organization, key: str) -> tuple[Company, Company]:
    """Two companies on one account, connected one after the other."""
    one, two = organization.new_company("One"), organization.new_company("Two")
    for company in (one, two):
        organization.connect(company, key)
    return one, two


def rows(client: httpx.Client, path: str, **params: Any) -> list[dict[str, Any]]:
    return client.get(path, params=params).raise_for_status().json()["data"]


def of(company: Company) -> set[str]:
    return {row["address"] for row in rows(company.api, "/v1/senders")}


def assign(organization: Organization, sender: dict[str, Any], company: Company | None) -> httpx.Response:
    body = {"company_id": company.id if company else None}
    return organization.api.put(f"{SENDERS}/{sender['id']}", json=body)


def test_an_account_that_one_company_uses_is_that_companys(organization: Organization, key: str) -> None:
    one = organization.new_company("One")
    organization.connect(one, key)
    listed = rows(organization.api, SENDERS)
    assert {row["company_id"] for row in listed} == {one.id}
    assert {row["sender_id"] for row in listed} == {row["id"] for row in rows(one.api, "/v1/senders")}
    assert {row["shared"] for row in listed} == {False}
    assert rows(organization.api, "/partner/v1/connections")[0]["shared"] is False
    assert len(of(one)) == 3


def test_a_second_company_gets_nothing_until_it_is_assigned(
    organization: Organization, pair: tuple[Company, Company]
) -> None:
    one, two = pair
    assert (len(of(one)), of(two)) == (3, set())
    assert {row["shared"] for row in rows(organization.api, "/partner/v1/connections")} == {True}
    given = rows(organization.api, SENDERS, company_id=one.id)[0]
    answer = assign(organization, given, two)
    assert (answer.status_code, answer.json()["company_id"]) == (200, two.id)
    assert of(two) == {given["address"]}
    assert given["address"] not in of(one)
    assert answer.json()["sender_id"] == rows(two.api, "/v1/senders")[0]["id"] != given["sender_id"]
    problem(one.api.get(f"/v1/senders/{given['sender_id']}"), 404, "not_found")


def test_an_unassigned_sender_is_in_no_companys_list(organization: Organization, pair: tuple[Company, Company]) -> None:
    one, two = pair
    given = rows(organization.api, SENDERS, company_id=one.id)[0]
    assert assign(organization, given, None).json()["company_id"] is None
    assert given["address"] not in of(one) | of(two)
    assert [row["id"] for row in rows(organization.api, SENDERS, assigned=False)] == [given["id"]]
    assert given["id"] not in {row["id"] for row in rows(organization.api, SENDERS, assigned=True)}
    back = assign(organization, given, one).json()
    assert given["address"] in of(one)
    assert one.api.get(f"/v1/senders/{back['sender_id']}").json()["status"] == "active"


def test_a_company_that_loses_a_sender_loses_it_in_campaigns_too(
    engine: Engine, organization: Organization, pair: tuple[Company, Company]
) -> None:
    one, two = pair
    campaign = draft(one, leads=1)
    start(one, campaign)
    given = rows(organization.api, SENDERS, company_id=one.id)[0]
    with engine.sql() as sql:
        query = "select external_id from outbound.campaign_bindings where campaign_id = %s"
        external = (sql.execute(query, [campaign]).fetchone() or {})["external_id"]
    assert assign(organization, given, two).status_code == 200
    kept = set(one.api.get(f"/v1/campaigns/{campaign}/senders").json()["sender_ids"])
    assert len(kept) == 2
    assert given["sender_id"] not in kept
    with engine.control as control:

        def attached() -> bool:
            seen = control.get(f"/campaigns/{external}").raise_for_status().json()
            return len(seen["email_account_ids"]) == 2

        wait_for("the provider to be told", attached)


@pytest.mark.parametrize("whose", ["strange", "unconnected", "unknown sender"])
def test_a_sender_goes_only_to_companies_its_account_serves(
    engine: Engine, organization: Organization, pair: tuple[Company, Company], whose: str
) -> None:
    given = rows(organization.api, SENDERS, company_id=pair[0].id)[0]
    stranger = engine.new_organization()
    if whose == "strange":
        problem(assign(organization, given, stranger.new_company()), 422, "unknown_reference")
    elif whose == "unconnected":
        problem(assign(organization, given, organization.new_company()), 409, "not_connected")
    else:
        problem(assign(stranger, given, stranger.new_company()), 404, "not_found")
    assert given["address"] in of(pair[0])


def test_a_company_does_not_see_where_senders_come_from(pair: tuple[Company, Company]) -> None:
    problem(pair[0].api.get(SENDERS), 404, "not_found")
    shown = rows(pair[0].api, "/v1/senders")[0]
    assert not {"provider", "shared", "account_id", "sender_id"} & shown.keys()
    assert shown["health"].keys() == {"problem", "warmup_score", "sent_today", "limits"}


def test_what_was_decided_outlives_the_hourly_reading(engine: Engine, organization: Organization, key: str) -> None:
    one = organization.new_company("One")
    organization.connect(one, key)
    given = rows(organization.api, SENDERS)[0]
    assign(organization, given, None)
    with engine.sql() as sql:
        sql.execute("update outbound.connections set senders_synced_at = null where company_id = %s", [one.id])
    organization.api.patch(f"/partner/v1/companies/{one.id}", json={"status": "suspended"})  # wakes the lane

    def read() -> bool:
        with engine.sql() as sql:
            query = (
                "select bool_and(senders_synced_at is not null) as done from outbound.connections where company_id = %s"
            )
            return bool((sql.execute(query, [one.id]).fetchone() or {})["done"])

    wait_for("the senders to be read", read)
    assert rows(organization.api, SENDERS, assigned=False)[0]["id"] == given["id"]


def as_if_the_same(engine: Engine, organization: Organization, other: str) -> None:
    """Let an organization's account have the mailboxes of another key: the simulator has one key per account."""
    url = engine.dev["simulators"]["smartlead"]["url"]
    boxes = httpx.get(f"{url}/api/v1/email-accounts/", params={"api_key": other}).raise_for_status().json()
    with engine.sql() as sql:
        query = "select id, external_id from outbound.account_senders where org_id = %s order by id"
        known = sql.execute(query, [organization.id]).fetchall()
        for box, row in zip(boxes, known, strict=True):
            ids = {"new": str(box["id"]), "address": box["from_email"], "org": organization.id, **row}
            sql.execute("update outbound.account_senders set external_id = %(new)s, address = %(address)s"
                        " where org_id = %(org)s and id = %(id)s", ids)  # fmt: skip
            sql.execute("update outbound.sender_bindings set external_id = %(new)s"
                        " where org_id = %(org)s and external_id = %(external_id)s", ids)  # fmt: skip


def test_a_new_key_of_a_shared_account_hands_no_senders_out(
    engine: Engine, organization: Organization, pair: tuple[Company, Company]
) -> None:
    """The same mailboxes under another key are the same account: a rotation must not make them one company's."""
    one, two = pair
    other = f"test_{secrets.token_hex(8)}"
    assign(organization, rows(organization.api, SENDERS, company_id=one.id)[0], two)
    assign(organization, rows(organization.api, SENDERS, company_id=one.id)[0], None)
    before = [len(of(one)), len(of(two))]
    as_if_the_same(engine, organization, other)
    connection = rows(organization.api, "/partner/v1/connections", company_id=one.id)[0]["id"]
    rotate = f"/partner/v1/connections/{connection}/rotate"
    rotated = organization.api.post(rotate, json={"credential": {"api_key": other}}).raise_for_status().json()
    assert rotated["shared"] is True
    assert before == [1, 1] == [len(of(one)), len(of(two))]


def test_a_second_key_of_one_account_shares_it(engine: Engine, organization: Organization) -> None:
    """Two companies, each with a key of its own, and yet the same mailboxes."""
    one, two, other = organization.new_company("One"), organization.new_company("Two"), f"test_{secrets.token_hex(8)}"
    organization.connect(one, f"test_{secrets.token_hex(8)}")
    as_if_the_same(engine, organization, other)
    organization.connect(two, other)
    assert (len(of(one)), of(two)) == (3, set())
    assert {row["shared"] for row in rows(organization.api, "/partner/v1/connections")} == {True}


def test_an_account_of_its_own_is_all_the_companys(organization: Organization, pair: tuple[Company, Company]) -> None:
    one, two = pair
    connection = rows(organization.api, "/partner/v1/connections", company_id=two.id)[0]["id"]
    rotate = f"/partner/v1/connections/{connection}/rotate"
    body = {"credential": {"api_key": f"test_{secrets.token_hex(8)}"}}
    assert organization.api.post(rotate, json=body).raise_for_status().json()["shared"] is False
    assert (len(of(one)), len(of(two))) == (3, 3)


def test_a_companys_part_of_a_shared_account_is_a_weight(
    organization: Organization, pair: tuple[Company, Company]
) -> None:
    connection = rows(organization.api, "/partner/v1/connections", company_id=pair[0].id)[0]
    path = f"/partner/v1/connections/{connection['id']}"
    assert connection["weight"] == 1
    changed = organization.api.patch(path, json={"weight": 3})
    assert (changed.status_code, changed.json()["weight"]) == (200, 3)
    for wrong in (0, 101, "3", True, None, 1.5):
        assert organization.api.patch(path, json={"weight": wrong}).status_code == 422, wrong
    stale = organization.api.patch(path, json={"weight": 2}, headers={"If-Match": '"stale"'})
    problem(stale, 412, "precondition_failed")
    assert organization.api.get(path).json()["weight"] == 3
